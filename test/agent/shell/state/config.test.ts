// SPDX-License-Identifier: Apache-2.0
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { loadConfig, parseConfig } from '../../../../agent/shell/state/config.ts'
import { CONFIG_REMEDIES, type ConfigKey } from '../../../../agent/shell/state/config-schema.ts'
import { nearestWord } from '../../../../agent/shell/state/nearest-word.ts'
import { temporaryDirectory } from '../temporary-directory.ts'

describe('the configuration file', () => {
  test('may be empty: everything has a default', () => {
    expect(parseConfig('')).toEqual({
      ok: true,
      value: {
        name: undefined,
        interface: 'meshgate0',
        listenPort: undefined,
        tcpPort: undefined,
        listenAddresses: ['0.0.0.0', '::'],
        advertise: [],
        stunServers: [],
        turn: [],
        stunServer: 'auto',
        authorityEtcd: { endpoints: [] },
        relay: true,
        birthdaySearch: true,
        engine: 'auto',
        portMapping: true,
        redundancy: { '*': 'off' },
        names: true,
        mtu: 1420,
        logLevel: 'info',
        otlpEndpoint: undefined,
        dashboard: 'auto',
        dashboardPort: undefined,
        excludeInterfaces: [],
      },
    })
  })

  test('is read as it is written', () => {
    const text = `
      name = "web-1"
      interface = "mesh0"
      listen_port = 51820
      tcp_port = 443
      listen_addresses = ["192.0.2.1", "2001:DB8::1"]
      advertise = ["192.0.2.1", "192.0.2.1:1000", "[2001:db8::1]:1000", "2001:db8::2"]
      stun_servers = ["192.0.2.2:3478"]
      stun_server = true
      authority_etcd = ["http://192.0.2.1:2379"]
      relay = false
      birthday_search = false
      engine = "auto"
      port_mapping = false
      names = false
      mtu = 1420
      log_level = "debug"
      exclude_interfaces = ["docker*"]
      [redundancy]
      web-2 = "duplicate"
      "tag:voice" = "duplicate"
      "*" = "off"
    `
    expect(parseConfig(text)).toEqual({
      ok: true,
      value: {
        name: 'web-1',
        interface: 'mesh0',
        listenPort: 51820,
        tcpPort: 443,
        listenAddresses: ['192.0.2.1', '2001:db8::1'],
        advertise: [
          { ip: '192.0.2.1', port: undefined },
          { ip: '192.0.2.1', port: 1000 },
          { ip: '2001:db8::1', port: 1000 },
          { ip: '2001:db8::2', port: undefined },
        ],
        stunServers: ['192.0.2.2:3478'],
        turn: [],
        stunServer: true,
        authorityEtcd: { endpoints: ['http://192.0.2.1:2379'] },
        relay: false,
        birthdaySearch: false,
        engine: 'auto',
        portMapping: false,
        redundancy: { 'web-2': 'duplicate', 'tag:voice': 'duplicate', '*': 'off' },
        names: false,
        mtu: 1420,
        logLevel: 'debug',
        otlpEndpoint: undefined,
        dashboard: 'auto',
        dashboardPort: undefined,
        excludeInterfaces: ['docker*'],
      },
    })
  })

  test('has all its faults reported at once, each with a remedy', () => {
    const parsed = parseConfig(`
      name = "Web 1"
      interface = "an-interface-name"
      listen_port = 0
      tcp_port = "443"
      listen_addresses = ["localhost"]
      advertise = ["192.0.2.1", "example.org"]
      stun_servers = ["192.0.2.1"]
      stun_server = "maybe"
      relay = "yes"
      mtu = 1200
      log_level = "loud"
      exclude_interfaces = ["a b"]
      lisen_port = 1
      colour = "red"
    `)
    const problems = parsed.ok ? [] : parsed.problems
    expect(problems.map(({ field }) => field).sort()).toEqual([
      'advertise[1]',
      'colour',
      'exclude_interfaces[0]',
      'interface',
      'lisen_port',
      'listen_addresses[0]',
      'listen_port',
      'log_level',
      'mtu',
      'name',
      'relay',
      'stun_server',
      'stun_servers[0]',
      'tcp_port',
    ])
    for (const { problem, remedy } of problems) {
      expect(problem).toMatch(/^is |^has /)
      expect(remedy.length).toBeGreaterThan(10)
    }
    const of = (field: string) => problems.find((problem) => problem.field === field)
    expect(of('lisen_port')).toMatchObject({ value: 1, remedy: 'did you mean listen_port?' })
    expect(of('colour')?.remedy).toMatch(/^remove it; known are name, /)
    expect(of('advertise[1]')?.value).toBe('example.org')
    expect(of('tcp_port')?.problem).toBe('is not of the kind number')
  })

  const KINDS = {
    truth: 'true',
    whole: '1300',
    fraction: '1.5',
    endless: 'inf',
    text: '"x"',
    empty: '""',
    list: '[1]',
    nested: '[["x"]]',
    table: '{ a = 1 }',
    time: '2026-01-01T00:00:00Z',
  } as const
  /** Where such a value may stand; nowhere else. */
  const RIGHT: Partial<Record<keyof typeof KINDS, readonly ConfigKey[]>> = {
    truth: ['stun_server', 'relay', 'port_mapping', 'birthday_search', 'names', 'dashboard'],
    whole: ['listen_port', 'tcp_port', 'mtu', 'metrics_port', 'dashboard_port'],
    text: ['name', 'interface'],
  }
  test.each(Object.keys(CONFIG_REMEDIES) as ConfigKey[])(
    'takes for %s nothing of a wrong kind, and says what to write',
    (key) => {
      for (const [kind, value] of Object.entries(KINDS)) {
        const parsed = parseConfig(`${key} = ${value}\n`)
        const isRight = RIGHT[kind as keyof typeof KINDS]?.includes(key) === true
        expect([kind, parsed.ok]).toEqual([kind, isRight])
        if (parsed.ok) continue
        expect(parsed.problems.length).toBeGreaterThan(0)
        for (const { field, problem, remedy } of parsed.problems) {
          expect(field.startsWith(key)).toBe(true)
          expect(problem).toMatch(/^(?:is|has) /)
          expect(remedy).toMatch(/^(?:write|name|remove|did you mean) /)
        }
      }
    },
  )

  test('names files of TLS for etcd that are there, fit together and are of use', () => {
    const [cert, key] = ['cert', 'key'].map((name) => join(temporaryDirectory(), name)) as [
      string,
      string,
    ]
    writeFileSync(cert, 'PEM')
    writeFileSync(key, 'PEM', { mode: 0o600 })
    const https = 'authority_etcd = ["https://192.0.2.1:2379"]'
    const problemsOf = (...lines: string[]) => {
      const parsed = parseConfig(lines.join('\n'))
      return parsed.ok
        ? parsed.value.authorityEtcd
        : parsed.problems.map((p) => [p.field, p.problem])
    }
    const of = (name: string, file: string) => `authority_etcd_${name} = "${file}"`
    const own = [of('cert', cert), of('key', key)]
    const endpoints = ['https://192.0.2.1:2379']
    expect(problemsOf(https, ...own)).toEqual({ endpoints, cert, key })
    expect(problemsOf(...own)).toEqual([
      ['authority_etcd_cert', 'is of no use without an https URL in authority_etcd'],
      ['authority_etcd_key', 'is of no use without an https URL in authority_etcd'],
    ])
    expect(problemsOf(https, own[0]!)).toEqual([['authority_etcd_key', 'is missing']])
    expect(problemsOf(https, own[1]!)).toEqual([['authority_etcd_cert', 'is missing']])
    expect(problemsOf(https, of('ca', '/nowhere'))).toEqual([
      ['authority_etcd_ca', 'cannot be read (ENOENT)'],
    ])
    expect(problemsOf(https, of('ca', 'ca.pem'))).toEqual([
      ['authority_etcd_ca', 'is no absolute path'],
    ])
    chmodSync(key, 0o644)
    expect(problemsOf(https, ...own)).toEqual([['authority_etcd_key', 'can be read by everybody']])
  })

  test('that is no TOML is refused with line and column', () => {
    const parsed = parseConfig('name = "web-1"\nmtu = = 1280\n')
    expect(parsed).toMatchObject({
      ok: false,
      problems: [{ field: '', problem: expect.stringMatching(/^line 2, column /) }],
    })
  })

  test('may be missing where it is expected, but not where it was named', () => {
    const path = join(temporaryDirectory(), 'meshgate.toml')
    expect(loadConfig({ path, explicit: false })).toEqual(parseConfig(''))
    expect(loadConfig({ path, explicit: true })).toMatchObject({
      ok: false,
      problems: [{ field: '', value: path, problem: 'is not there' }],
    })
    writeFileSync(path, 'mtu = 1300')
    expect(loadConfig({ path, explicit: true })).toMatchObject({ ok: true, value: { mtu: 1300 } })
  })

  test('that is a directory, or far too large, is refused', () => {
    const path = temporaryDirectory()
    expect(loadConfig({ path, explicit: false }).ok).toBe(false)
    const large = join(path, 'large.toml')
    writeFileSync(large, '#'.repeat(70_000))
    expect(loadConfig({ path: large, explicit: true })).toMatchObject({
      ok: false,
      problems: [{ problem: 'is larger than 65536 bytes' }],
    })
  })
})

test('a word is corrected only to one that is close', () => {
  expect(nearestWord('lisen_port', ['listen_port', 'tcp_port'])).toBe('listen_port')
  expect(nearestWord('mt', ['mtu', 'name'])).toBe('mtu')
  expect(nearestWord('xyz', ['mtu', 'name'])).toBeUndefined()
  expect(nearestWord('x'.repeat(10_000), ['mtu'])).toBeUndefined()
})

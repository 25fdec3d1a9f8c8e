// SPDX-License-Identifier: Apache-2.0
import { readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { BootedHost } from '../../netns-lab/booted-host.ts'
import { type Lab, startLab } from '../../netns-lab/lab.ts'

/** Hosts whose resolver is told by a program resolvconf, Debian's or openresolv, in place of systemd-resolved. */
const base = process.env['MESHGATE_ROOT'] ?? ''
const [packageFile = ''] = (process.env['MESHGATE_PACKAGES'] ?? '').split(' ')
const install = (file: string) => `dpkg --install "$HOME/${basename(file)}"`

let lab: Lab
let token = ''

beforeAll(async () => {
  lab = await startLab('netns-lab/examples/demo.toml')
  const hub = await BootedHost.boot(lab.host('hub'), base)
  await hub.give(packageFile)
  await hub.run(install(packageFile))
  await hub.run('meshgate init --network home')
  token = (await hub.run('meshgate token create --uses 2')).trim()
})

afterAll(async () => {
  await lab?.stop()
})

function debOf(program: string): string {
  const folder = `${base}.packages`
  const name = readdirSync(folder).find((file) => file.startsWith(`${program}_`))
  if (name === undefined) throw new Error(`scripts/fetch-root fetched no ${program}`)
  return join(folder, name)
}

describe.each([
  ['resolvconf', 'alice'],
  ['openresolv', 'bob'],
])('%s', (program, name) => {
  let host: BootedHost
  /** The name servers, first one first. */
  const servers = async () =>
    [...(await host.run('cat /etc/resolv.conf')).matchAll(/^nameserver (.*)$/gm)].map(
      ([, server]) => server,
    )
  const LEASED = '192.0.2.53'
  let before: string[] = []

  beforeAll(async () => {
    host = await BootedHost.boot(lab.host(name), base)
    await host.give(packageFile)
    await host.give(debOf(program))
    await host.run('dpkg --purge libnss-resolve systemd-resolved; rm -f /etc/resolv.conf')
    await host.run(install(debOf(program)))
    // As a DHCP client does with what it leased.
    await host.run(`echo nameserver ${LEASED} | resolvconf -a eth0.dhcp`)
    before = (await servers()) as string[]
    expect(before).toContain(LEASED)
    await host.run(install(packageFile))
  })

  test('a member is told of first, and its names resolve beside those that it was asked for before', async () => {
    const joined = await host.try(`meshgate join ${token}`)
    expect(joined).toMatchObject({ code: 0 })
    await host.host.waitFor(
      async () => (await host.try('getent ahostsv4 hub.home.mesh')).code === 0,
      { deadlineMs: 20_000, what: 'the name of the hub resolves', pollMs: 500 },
    )
    const { self } = JSON.parse(await host.run('meshgate status --json')) as {
      self: { addresses: string[]; names: { wiring: string; problem: string | null } }
    }
    expect(self.names).toMatchObject({ wiring: 'resolvconf', problem: null })
    expect(await servers()).toEqual([self.addresses[0], ...before])
    expect(await host.run(`getent hosts ${self.addresses[0]}`)).toContain(`${name}.home.mesh`)
  })

  test('a killed helper comes back to what it had told, once', async () => {
    const [own] = await servers()
    await host.run('systemctl kill --signal KILL meshgate-helper.service')
    await host.host.waitFor(
      async () => {
        const found = await host.try('getent ahostsv4 hub.home.mesh')
        return found.code === 0 && (await servers())[0] === own
      },
      { deadlineMs: 30_000, what: 'the name of the hub resolves again', pollMs: 500 },
    )
    expect(await servers()).toEqual([own, ...before])
  })

  test('when it stops, all is as it was', async () => {
    await host.run('systemctl stop meshgate.service meshgate-helper.service')
    expect(await servers()).toEqual(before)
  })
})

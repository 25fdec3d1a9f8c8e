// SPDX-License-Identifier: Apache-2.0
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { type Lab, withLab } from '../../netns-lab/lab.ts'

/** What the example labs say of themselves, found out by ping and openssl. */
async function inExample(name: string, scenario: (lab: Lab) => Promise<void>): Promise<void> {
  const file = new URL(`../../netns-lab/examples/${name}.toml`, import.meta.url)
  await withLab(fileURLToPath(file), scenario)
}

/** Whether one host's ping of another is answered, at the address of that family. */
async function pings(lab: Lab, from: string, to: string, ...args: string[]): Promise<boolean> {
  const isIpv6 = args.includes('-6')
  const address = lab.host(to).addresses.find((one) => one.includes(':') === isIpv6) ?? ''
  const ping = ['ping', '-c', '1', '-W', '1', ...args, address]
  return (await lab.host(from).exec(ping)).code === 0
}

const sized = (bytes: number) => ['-M', 'do', '-s', String(bytes - 28)]

test.each(['double-nat', 'cgnat', 'cgnat-hairpin', 'two-lans'])(
  '%s: hosts behind two NATs reach the hub',
  async (name) => {
    await inExample(name, async (lab) => {
      const hub = lab.plan.hosts.find((host) => host.name.startsWith('hub'))?.name ?? ''
      expect(await Promise.all([pings(lab, 'alice', hub), pings(lab, 'bob', hub)])).toEqual([
        true,
        true,
      ])
    })
  },
)

test('one-lan: two hosts reach each other as neighbours', async () => {
  await inExample('one-lan', async (lab) => {
    expect(await pings(lab, 'alice', 'bob')).toBe(true)
  })
})

test('ipv6-firewall: hosts go out by IPv6, and nobody comes in unasked', async () => {
  await inExample('ipv6-firewall', async (lab) => {
    expect(await pings(lab, 'alice', 'hub-1', '-6')).toBe(true)
    expect(await pings(lab, 'bob', 'hub-2', '-6')).toBe(true)
    expect(await pings(lab, 'bob', 'alice', '-6')).toBe(false)
  })
})

test('turn-over-tls: TLS to port 443 is all that leaves the office', async () => {
  await inExample('turn-over-tls', async (lab) => {
    const alice = lab.host('alice')
    const turn = lab.host('turn').address
    const client = ['openssl', 's_client', '-verify_return_error', '-CAfile', alice.caFile]
    await alice.run([...client, '-connect', `${turn}:443`])
    expect(await pings(lab, 'alice', 'turn')).toBe(false)
    expect(await pings(lab, 'bob', 'turn')).toBe(true)
  })
})

test('small-mtu: a packet of 1280 bytes passes, a larger one is too big', async () => {
  await inExample('small-mtu', async (lab) => {
    expect(await pings(lab, 'alice', 'hub-1', ...sized(1280))).toBe(true)
    expect(await pings(lab, 'alice', 'hub-1', ...sized(1281))).toBe(false)
    expect(await pings(lab, 'bob', 'hub-1', ...sized(1500))).toBe(true)
  })
})

test('two-hubs: each host reaches one hub only, until the cuts are moved', async () => {
  await inExample('two-hubs', async (lab) => {
    const reached = async () =>
      Promise.all([
        pings(lab, 'alice', 'hub-1'),
        pings(lab, 'alice', 'hub-2'),
        pings(lab, 'bob', 'hub-1'),
        pings(lab, 'bob', 'hub-2'),
      ])
    expect(await reached()).toEqual([true, false, false, true])
    expect(await pings(lab, 'hub-1', 'hub-2')).toBe(true)
    await lab.set('internet', { cuts: [['hub-1', 'hub-2']] })
    expect(await reached()).toEqual([true, true, true, true])
    expect(await pings(lab, 'hub-1', 'hub-2')).toBe(false)
    await expect(lab.set('internet', { cuts: [['alice', 'hub-2']] })).rejects.toThrow(/home-a/)
  })
})

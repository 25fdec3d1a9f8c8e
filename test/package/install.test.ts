// SPDX-License-Identifier: Apache-2.0
import { mkdir, writeFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Lab, startLab } from '../../netns-lab/lab.ts'
import { BootedHost } from '../../netns-lab/booted-host.ts'

/** Two fresh machines with systemd, one public and one behind a NAT, from the package to a tunnel and back to nothing. */
const base = process.env['MESHGATE_ROOT'] ?? ''
const [first = '', second = ''] = (process.env['MESHGATE_PACKAGES'] ?? '').split(' ')

let lab: Lab
let hub: BootedHost
let alice: BootedHost

beforeAll(async () => {
  lab = await startLab('netns-lab/examples/demo.toml')
  hub = await BootedHost.boot(lab.host('hub'), base)
  alice = await BootedHost.boot(lab.host('alice'), base)
  for (const host of [hub, alice]) for (const file of [first, second]) await host.give(file)
})

afterAll(async () => {
  await mkdir('.build/package-proof', { recursive: true })
  for (const host of [hub, alice].filter((one) => one !== undefined)) {
    const journal = await host.try('journalctl --no-pager --output short-precise')
    await writeFile(`.build/package-proof/${host.host.name}.journal`, journal.stdout)
  }
  await lab?.stop()
})

const installed = (file: string) => `dpkg --install /root/${basename(file)}`

test('the package installs on a bare root, and starts nothing before there is a network', async () => {
  for (const host of [hub, alice]) await host.run(installed(first))
  expect(await hub.run('meshgate version')).toMatch(/^meshgate \d/)
  expect((await hub.try('systemctl is-active meshgate.service')).stdout.trim()).toBe('inactive')
  expect(await hub.run('stat -c "%U %a" /var/lib/meshgate')).toBe('meshgate 700\n')
  const lies = (await hub.run('ls /usr/lib/meshgate/dist')).split('\n')
  const foreign = lies.filter(
    (name) => !/^(.*\.mjs|dashboard|meshgate-helper|node_datachannel\.node|)$/.test(name),
  )
  expect(foreign).toEqual([])
})

test('init makes a network and starts the services', async () => {
  await hub.run('meshgate init --name hub --network home')
  expect(await hub.run('systemctl is-active meshgate.service meshgate-helper.service')).toBe(
    'active\nactive\n',
  )
  expect(await hub.run('stat -c %U /var/lib/meshgate/node.json')).toBe('meshgate\n')
})

test('join starts the services and waits until the first peer is reached', async () => {
  const token = (await hub.run('meshgate token create')).trim()
  const joined = await alice.try(`meshgate join ${token} --name alice`)
  expect(joined).toMatchObject({ code: 0 })
  expect(joined.stderr).toContain('hub is reached')
  await alice.run(`ping -c 2 -W 5 ${await peerAddress(alice)}`)
})

test('names of the mesh resolve by systemd-resolved, and addresses lead back to them', async () => {
  const address = await peerAddress(alice)
  await alice.host.waitFor(
    async () => (await alice.try('getent ahostsv4 hub.home.mesh')).stdout.includes(address),
    { deadlineMs: 20_000, what: 'the name of the hub resolves', pollMs: 500 },
  )
  expect(await alice.run(`getent hosts ${address}`)).toContain('hub.home.mesh')
  const { self } = JSON.parse(await alice.run('meshgate status --json')) as {
    self: { names: { wiring: string; problem: string | null } }
  }
  expect(self.names).toMatchObject({ wiring: 'systemd-resolved', problem: null })
})

test('systemd knows how the agent is, and its watchdog is fed', async () => {
  const shown = await alice.run(
    'systemctl show meshgate.service --property StatusText,WatchdogUSec,NRestarts',
  )
  expect(shown).toContain('StatusText=alice: ')
  expect(shown).toContain('WatchdogUSec=1min')
  expect(shown).toContain('NRestarts=0')
})

test('both units are hardened, and neither process has more than it needs', async () => {
  for (const [unit, exposureMax] of [
    ['meshgate.service', 2],
    ['meshgate-helper.service', 3],
  ] as const) {
    const verdict = await alice.run(`systemd-analyze security --no-pager ${unit} | tail -n 1`)
    console.info(verdict.trim())
    const exposure = Number(/: ([\d.]+) /.exec(verdict)?.[1])
    expect({ unit, exposure, isLow: exposure <= exposureMax }).toMatchObject({ isLow: true })
  }
  const capabilities = async (unit: string) =>
    alice.run(
      `grep CapBnd /proc/$(systemctl show --value --property MainPID ${unit})/status | cut -f 2`,
    )
  expect(await capabilities('meshgate.service')).toBe('0000000000000000\n')
  expect(await capabilities('meshgate-helper.service')).toBe('0000000000003000\n')
})

test('a member of the group may ask the agent, others may not', async () => {
  await alice.run('useradd ann --groups meshgate && useradd bob')
  await alice.run('runuser -u ann -- meshgate status')
  const refused = await alice.try('runuser -u bob -- meshgate status')
  expect(refused.code).toBe(1)
  expect(refused.stderr).toContain('may not talk to the agent')
})

test('a changed configuration is taken up by systemctl reload', async () => {
  await alice.run('echo "relay = false" >/etc/meshgate/config.toml')
  await alice.run('systemctl reload meshgate.service')
  await alice.host.waitFor(
    async () =>
      (await alice.run('journalctl -u meshgate --no-pager')).includes('configuration reloaded'),
    { deadlineMs: 10_000, what: 'the configuration is reloaded' },
  )
})

test('a killed agent comes back by itself', async () => {
  await alice.run('systemctl kill --signal KILL meshgate.service')
  await alice.host.waitFor(
    async () => {
      const shown = await alice.run(
        'systemctl show meshgate.service --property NRestarts,ActiveState',
      )
      return shown.includes('NRestarts=1') && shown.includes('ActiveState=active')
    },
    { deadlineMs: 20_000, what: 'the agent runs again' },
  )
})

test('an agent that hangs is started anew by its watchdog, and the tunnel does not notice', async () => {
  const before = await restarts(alice, 'meshgate.service')
  const ping = alice.spawn(`ping -i 0.2 ${await peerAddress(alice)}`, 'watchdog-ping.log')
  await alice.run('systemctl kill --signal STOP --kill-whom main meshgate.service')
  await startedAnew(alice, 'meshgate.service', before)
  await alice.run('pkill -INT -x ping')
  await ping.exit
  expect(await ping.output()).toContain(' 0% packet loss')
})

test('a helper that hangs is started anew by its watchdog, with the tunnels that it had', async () => {
  const address = await peerAddress(alice)
  const before = await restarts(alice, 'meshgate-helper.service')
  await alice.run('systemctl kill --signal STOP --kill-whom main meshgate-helper.service')
  await startedAnew(alice, 'meshgate-helper.service', before)
  await alice.run(`ping -c 1 -W 5 ${address}`)
})

test('an upgrade drops no packet', async () => {
  const address = await peerAddress(alice)
  const ping = alice.spawn(`ping -i 0.1 -c 150 ${address}`, 'upgrade-ping.log')
  await alice.run(installed(second))
  expect(await alice.run("dpkg-query --show --showformat '${Version}' meshgate")).toBe('0.1.1')
  expect(await ping.exit).toBe(0)
  expect(await ping.output()).toContain('150 received, 0% packet loss')
  expect(await alice.run('systemctl is-active meshgate.service')).toBe('active\n')
})

test('removal stops everything and keeps the membership; purge leaves nothing', async () => {
  await alice.run('dpkg --remove meshgate')
  expect((await alice.try('pgrep -l meshgate')).stdout).toBe('')
  expect((await alice.try('ip link show meshgate0')).code).not.toBe(0)
  expect(await alice.run('resolvectl domain')).not.toContain('home.mesh')
  await alice.run('test -f /var/lib/meshgate/membership.json')
  await alice.run('dpkg --purge meshgate')
  const left = await alice.run(
    'find / -xdev -name "*meshgate*" -not -path "/root/*" -not -path "/proc/*" -not -path "/var/log/journal/*" 2>/dev/null || true',
  )
  expect(left).toBe('')
  expect((await alice.try('getent passwd meshgate')).code).not.toBe(0)
})

test('an installed host whose membership was kept goes on when the package is back', async () => {
  await hub.run('dpkg --remove meshgate')
  await hub.run(installed(second))
  await hub.run('systemctl enable --now meshgate-helper.service meshgate.service')
  expect(await hub.run('meshgate status')).toContain('hub in network home')
})

async function restarts(host: BootedHost, unit: string): Promise<number> {
  return Number(await host.run(`systemctl show --value --property NRestarts ${unit}`))
}

async function startedAnew(host: BootedHost, unit: string, before: number): Promise<void> {
  await host.host.waitFor(
    async () =>
      (await restarts(host, unit)) > before &&
      (await host.try(`systemctl is-active ${unit}`)).code === 0,
    { deadlineMs: 100_000, what: `${unit} is started anew`, pollMs: 500 },
  )
}

async function peerAddress(host: BootedHost): Promise<string> {
  const status = JSON.parse(await host.run('meshgate status --json')) as {
    peers: { addresses: string[] }[]
  }
  const address = status.peers[0]?.addresses[0]
  if (address === undefined) throw new Error(`${host.host.name} knows no peer`)
  return address
}

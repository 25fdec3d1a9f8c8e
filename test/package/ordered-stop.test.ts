// SPDX-License-Identifier: Apache-2.0
import { basename } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { BootedHost } from '../../netns-lab/booted-host.ts'
import { type Lab, startLab } from '../../netns-lab/lab.ts'

/** A hub, as a service of systemd's, on which a host behind a NAT counts. */
const base = process.env['MESHGATE_ROOT'] ?? ''
const [packageFile = ''] = (process.env['MESHGATE_PACKAGES'] ?? '').split(' ')

let lab: Lab
let hub: BootedHost
let alice: BootedHost

beforeAll(async () => {
  lab = await startLab('netns-lab/examples/demo.toml')
  hub = await BootedHost.boot(lab.host('hub'), base)
  alice = await BootedHost.boot(lab.host('alice'), base)
  for (const host of [hub, alice]) {
    await host.give(packageFile)
    await host.run(`dpkg --install /root/${basename(packageFile)}`)
  }
  await hub.run('meshgate init --network home')
  const token = (await hub.run('meshgate token create')).trim()
  await alice.run(`meshgate join ${token}`)
})

afterAll(async () => {
  await lab?.stop()
})

interface Drained {
  readonly relays: boolean
  readonly users: readonly string[]
}

/** Runs, and has somebody to tell. */
async function inUse(): Promise<void> {
  await hub.run('systemctl start meshgate-helper.service meshgate.service')
  await hub.host.waitFor(
    async () => {
      // Until alice has come back, the hub knows only what she said before.
      await alice.run('ping -c 1 -W 1 hub.home.mesh')
      const { relays, users } = JSON.parse(await hub.run('meshgate --json undrain')) as Drained
      return relays && users.includes('alice')
    },
    { deadlineMs: 60_000, what: 'alice counts on the hub', pollMs: 500 },
  )
}

const TOLD = 'others are told to leave this host'

async function timesTold(): Promise<number> {
  const journal = await hub.run('journalctl --unit meshgate.service --no-pager')
  return journal.split(TOLD).length - 1
}

test('nobody is told of an agent that stops alone: the tunnels stay', async () => {
  await inUse()
  await hub.run('systemctl restart meshgate.service')
  await inUse()
  await hub.run('meshgate agent stop')
  await inUse()
  expect(await timesTold()).toBe(0)
})

test.each([
  ['systemctl stop meshgate.service meshgate-helper.service'],
  ['systemctl restart meshgate.service meshgate-helper.service'],
  ['meshgate stop'],
])('others are told before `%s`', async (stop) => {
  await inUse()
  const before = await timesTold()
  await hub.run(stop)
  expect(await timesTold()).toBe(before + 1)
})

test('others are told before the host is shut down', async () => {
  await inUse()
  const before = await timesTold()
  await hub.run('systemctl poweroff')
  // Nothing can be run inside any more.
  const journal = `${hub.host.stateDir}/booted/upper/var/log/journal`
  const count = `grep --recursive --text --only-matching '${TOLD}' ${journal} | wc --lines`
  await hub.host.waitFor(async () => Number(await hub.host.run(['sh', '-c', count])) > before, {
    deadlineMs: 30_000,
    what: 'the journal says so',
    pollMs: 500,
  })
})

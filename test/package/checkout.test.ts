// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { BootedHost } from '../../netns-lab/booted-host.ts'
import { type Lab, startLab } from '../../netns-lab/lab.ts'

/** A developer's machine, with this checkout and Go on it and no way to any registry, beside a host with the package. */
const base = process.env['MESHGATE_ROOT'] ?? ''
const [packageFile = ''] = (process.env['MESHGATE_PACKAGES'] ?? '').split(' ')
const ROOT = join(import.meta.dirname, '../..')
const goSays = (name: string) => execFileSync('go', ['env', name], { encoding: 'utf8' }).trim()

let lab: Lab
let hub: BootedHost
let bob: BootedHost

beforeAll(async () => {
  lab = await startLab('netns-lab/examples/demo.toml')
  hub = await BootedHost.boot(lab.host('hub'), base)
  bob = await BootedHost.boot(lab.host('bob'), base, {
    '/srv/meshgate/node_modules': join(ROOT, 'node_modules'),
    '/srv/go': goSays('GOROOT'),
    '/srv/go-modules': goSays('GOMODCACHE'),
  })
  await hub.give(packageFile)
  await bob.give(packedCheckout())
})

afterAll(async () => {
  await lab?.stop()
})

test('scripts/install builds and installs a checkout as its package would be', async () => {
  await bob.run('tar --extract --file "$HOME/checkout.tar" --directory /srv/meshgate')
  const go =
    'PATH="/srv/go/bin:$PATH" GOMODCACHE=/srv/go-modules GOPROXY=off GOFLAGS=-buildvcs=false'
  const installed = await bob.try(`${go} /srv/meshgate/scripts/install 2>&1`, 600_000)
  expect(installed.stdout).toContain('installed. Next: `meshgate init`')
  expect(installed.code).toBe(0)
  const listed = (files: string) =>
    files
      .split('\n')
      .filter((file) => /\w/.test(file))
      .sort()
  await hub.run(`dpkg --install "$HOME/${basename(packageFile)}"`)
  expect(listed(await bob.run('dpkg --listfiles meshgate'))).toEqual(
    listed(await hub.run('dpkg --listfiles meshgate')),
  )
}, 620_000)

test('join says what is missing where no peer can be reached, and the host is a member all the same', async () => {
  await hub.run('meshgate init --network home')
  const token = (await hub.run('meshgate token create')).trim()
  await lab.set('home-b', { udp: 'blocked' })
  const joined = await bob.try(`meshgate join ${token}`)
  expect(joined.code).toBe(1)
  expect(joined.stdout).toContain('joined network home as bob')
  expect(joined.stderr).toContain('starting meshgate-helper.service and meshgate.service')
  expect(joined.stderr).toMatch(/linked to hub; .*\n.*meshgate why PEER/s)
})

test('what was missing comes, and the host is reached without another word', async () => {
  await lab.set('home-b', { udp: 'open' })
  await bob.host.waitFor(async () => (await bob.try('ping -c 1 -W 2 hub.home.mesh')).code === 0, {
    deadlineMs: 90_000,
    what: 'the hub answers',
    pollMs: 1_000,
  })
})

/** What is tracked here, as it is now, older than what npm has installed. */
function packedCheckout(): string {
  const folder = join(ROOT, '.build/package-proof')
  mkdirSync(folder, { recursive: true })
  const file = join(folder, 'checkout.tar')
  const names = execFileSync('git', ['ls-files', '-z'], { cwd: ROOT })
  const pack = ['--create', '--null', '--files-from=-', '--mtime=@0', `--file=${file}`]
  execFileSync('tar', pack, { cwd: ROOT, input: names })
  return file
}

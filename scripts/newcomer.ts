// SPDX-License-Identifier: Apache-2.0
/**
 * A newcomer's path from the package to two connected hosts, walked on two fresh machines with their own systemd, one
 * of them behind a NAT. What was typed and what came of it becomes docs/newcomer.md: newcomer.ts ROOT PACKAGE.
 */
import { readFile, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { BootedHost } from '../netns-lab/booted-host.ts'
import { type Lab, startLab } from '../netns-lab/lab.ts'
import { TOKEN, Transcript } from './transcript.ts'

/** Where the package was put. */
const HOME = '/tmp'
const PAGE = join(import.meta.dirname, '../docs/newcomer.md')

const [root, file] = process.argv.slice(2)
if (root === undefined || file === undefined) throw new Error('usage: newcomer.ts ROOT PACKAGE')

const lab = await startLab('netns-lab/examples/demo.toml')
try {
  await writeFile(PAGE, await walk(lab, root, file))
} catch (error) {
  console.error(`logs and trace are in ${await lab.saveEvidence().catch(String)}`)
  throw error
} finally {
  await lab.stop()
}

/** Returns the page. Throws where a command fails, or does not show what it should. */
async function walk(lab: Lab, root: string, file: string): Promise<string> {
  const [hub, alice] = await Promise.all([
    BootedHost.boot(lab.host('hub'), root),
    BootedHost.boot(lab.host('alice'), root),
  ])
  for (const host of [hub, alice]) await host.give(file, HOME)
  const install = `apt-get install -qq ./${basename(file)}`
  const system = /PRETTY_NAME="(.*)"/.exec(await readFile(join(root, 'etc/os-release'), 'utf8'))
  const page = new Transcript(HOME)
  page.say(`# From nothing to two connected hosts

Two fresh machines with ${system?.[1]}: \`hub\` has a public address, \`alice\` sits behind a port-restricted NAT. Everything
below was typed and printed there, by \`scripts/newcomer\`; only the token is shortened.

## The first host

Install the package, make a network, and make a token for the next host.`)
  await page.type(hub, install)
  await page.type(hub, 'meshgate init --network home', 'agent and helper run')
  const token = TOKEN.exec(await page.type(hub, 'meshgate token create'))?.[0]
  page.say(`## Every other host

Install the package and paste the token. \`join\` starts the services, now and at each boot, and waits until the first
member is reached; if none is, it says what is missing.`)
  await page.type(alice, install)
  const begunMs = performance.now()
  await page.type(alice, `meshgate join ${token}`, 'hub is reached: direct')
  const joinedMs = performance.now() - begunMs
  page.say('## They are connected')
  await page.type(alice, 'meshgate status')
  await page.type(alice, 'meshgate ping hub --count 3')
  page.say('Members go by name, in every program.')
  await page.type(alice, 'ping -c 3 hub.home.mesh', '3 received')
  page.say('The same from the other side:')
  await page.type(hub, 'meshgate peers', 'alice')
  await page.type(hub, 'ping -c 3 alice.home.mesh', '3 received')
  page.say('## Is all well?')
  await page.type(alice, 'meshgate doctor')
  page.say(
    `\`join\` took ${(joinedMs / 1000).toFixed(1)} s, the services' start included. [operating.md](operating.md) goes on from here.`,
  )
  return page.text
}

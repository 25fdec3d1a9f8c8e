// SPDX-License-Identifier: Apache-2.0
/**
 * The product's main job, shown: a public host, two hosts behind port-restricted NATs with the same LAN addresses, one token.
 * Every line that claims something was measured a moment before; anything that fails ends the demo with a reason.
 */
import { once } from 'node:events'
import { styleText } from 'node:util'
import { type Lab, startLab } from '../netns-lab/lab.ts'
import { Member } from '../netns-lab/member.ts'
import { readArguments } from './arguments.ts'
import { type StraightTraffic, watchStraightTraffic } from './straight-traffic.ts'

const LAB_FILE = 'netns-lab/examples/demo.toml'
const TRANSFER_SECONDS = 3

interface Facts {
  joinMs: Record<string, number>
  directMs: Record<string, number>
  path?: unknown
  nat: Record<string, string>
  engine: Record<string, string>
  pingMs?: number[]
  transferMbits?: number
  tunnelPacketsAtHub?: number
  traffic: Record<string, StraightTraffic>
  totalMs: number
}

const { values: options } = readArguments({
  options: { keep: { type: 'boolean' }, json: { type: 'boolean' }, engine: { type: 'string' } },
})
const started = performance.now()
const facts: Facts = { joinMs: {}, directMs: {}, nat: {}, engine: {}, traffic: {}, totalMs: 0 }

try {
  const lab = await startLab(LAB_FILE)
  const interrupt = () => void lab.stop().then(() => process.exit(130))
  process.once('SIGINT', interrupt)
  process.once('SIGTERM', interrupt)
  try {
    await show(lab)
  } catch (error) {
    say(`logs and trace are in ${await lab.saveEvidence().catch(String)}`)
    throw error
  } finally {
    process.removeListener('SIGINT', interrupt)
    await lab.stop()
  }
  facts.totalMs = Math.round(performance.now() - started)
  if (options.json === true) console.log(JSON.stringify(facts, null, 2))
  say(styleText('green', `done in ${(facts.totalMs / 1000).toFixed(1)} s; the lab is gone`))
} catch (error) {
  console.error(
    styleText('red', `demo failed: ${error instanceof Error ? error.message : String(error)}`),
  )
  process.exitCode = 1
}

async function show(lab: Lab): Promise<void> {
  const hub = new Member(lab.host('hub'))
  const alice = new Member(lab.host('alice'))
  const bob = new Member(lab.host('bob'))

  if (options.engine !== undefined)
    for (const member of [hub, alice, bob])
      await member.configure(`engine = ${JSON.stringify(options.engine)}\n`)

  title('A public host, and two homes behind port-restricted NATs')
  say(`   alice ${alice.host.address} --[NAT ${lab.host('home-a').address}]--+`)
  say(`                                             +-- internet -- hub ${hub.host.address}`)
  say(`   bob   ${bob.host.address} --[NAT ${lab.host('home-b').address}]--+`)

  title('The public host makes a network and a token')
  await hub.init()
  await hub.runQuietly()
  const token = await hub.createToken('--uses', '2')
  say(`   hub$ meshgate init --name hub --network lab; meshgate run &`)
  say(
    `   hub$ meshgate token create --uses 2\n   ${token.slice(0, 48)}... (${token.length} characters)`,
  )

  title('Both homes join with it')
  for (const member of [alice, bob]) {
    const begun = performance.now()
    await member.join(token)
    facts.joinMs[member.name] = Math.round(performance.now() - begun)
    say(`   ${member.name}$ meshgate join mg1_...   ${facts.joinMs[member.name]} ms`)
  }
  const begun = performance.now()
  await Promise.all([alice.runQuietly(), bob.runQuietly()])
  await Promise.all([showPath(alice, 'bob'), showPath(bob, 'alice'), showPath(alice, 'hub')])
  say(
    `   all paths direct ${Math.round(performance.now() - begun)} ms after both agents were started`,
  )

  title('Traffic through the tunnel, watched from the public host')
  const peer = await alice.peer('bob')
  facts.path = peer.path
  const bobAddress = peer.addresses[0]!
  say(indent(await alice.do(['ping', 'bob', '-c', '3'])))
  facts.pingMs = await pingTimes(alice, bobAddress)
  // Whatever is larger than the agents' own messages would be relayed data.
  const atHub = await hub.host.capture('any', 'udp and greater 400')
  const watches = new Map([
    ['alice -> bob', await watchStraightTraffic(bob, 'alice')],
    ['bob -> alice', await watchStraightTraffic(alice, 'bob')],
  ])
  facts.transferMbits = await transfer(alice, bob, bobAddress)
  facts.tunnelPacketsAtHub = (await atHub.stop()).packets.length
  say(`   ${facts.transferMbits.toFixed(0)} Mbit/s for ${TRANSFER_SECONDS} s from alice to bob`)
  for (const [way, end] of watches) showStraight(way, await end())
  say(`   tunnel packets seen at the public host meanwhile: ${facts.tunnelPacketsAtHub}`)
  if (facts.tunnelPacketsAtHub > 0)
    say(
      '   (copies: for a moment nothing came back, and packets left over the public host as well)',
    )

  title('What WireGuard says on alice')
  say(indent(await alice.host.run(['wg', 'show'])))
  title('What meshgate says on alice')
  say(indent(await alice.do(['status'])))
  for (const member of [alice, bob]) {
    const { nat, helper } = (await member.status()).self
    facts.nat[member.name] = nat.mapping
    facts.engine[member.name] = helper.engine ?? 'none'
    say(`   ${member.name}'s engine is ${helper.engine}: ${helper.engineReason}`)
  }

  if (options.keep === true) {
    title('The lab stays up until Ctrl-C')
    say(`   enter a host:   nsenter --net --mount --uts --target ${alice.host.outerPid}   # alice`)
    say(`   then:           bin/meshgate --state-dir ${alice.stateDir} status`)
    await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')])
  }
}

/** Follows one pair from nothing to direct, as the member's own log tells it. */
async function showPath(member: Member, peer: string): Promise<void> {
  const { path } = await member.reaches(peer)
  const proven = (await member.log()).find(
    (entry) =>
      entry['msg'] === 'path proven' &&
      String(entry['path']).startsWith('direct ') &&
      entry['peer'] === peer,
  )
  const sinceMs =
    typeof proven?.['sinceMs'] === 'number' ? Math.round(proven['sinceMs']) : undefined
  if (sinceMs !== undefined) facts.directMs[`${member.name}-${peer}`] = sinceMs
  const took = sinceMs === undefined ? '' : `, ${sinceMs} ms after ${peer}'s record arrived`
  say(`   ${member.name} -> ${peer}: direct to ${path.endpoint}${took}`)
}

function showStraight(way: string, traffic: StraightTraffic): void {
  facts.traffic[way] = traffic
  const { taken, straight } = traffic
  say(`   ${way}: WireGuard took in ${taken} bytes, and ${straight} came straight`)
  if (straight < taken) throw new Error(`${way}: not everything came straight`)
}

async function pingTimes(from: Member, address: string): Promise<number[]> {
  const output = await from.host.run(['ping', '-c', '5', '-i', '0.2', '-W', '2', address])
  const times = [...output.matchAll(/time=([\d.]+) ms/g)].map((match) => Number(match[1]))
  say(`   ping ${address}: ${times.map((ms) => `${ms} ms`).join(', ')}`)
  if (times.length !== 5) throw new Error(`of 5 pings to ${address}, ${times.length} came back`)
  return times
}

async function transfer(from: Member, to: Member, address: string): Promise<number> {
  const server = to.host.spawn(['iperf3', '-s', '-1', '--forceflush', '-B', address], {
    log: 'iperf3.log',
  })
  await to.host.waitFor(async () => (await server.output()).includes('listening'), {
    deadlineMs: 5000,
    what: 'iperf3 listens',
  })
  const report = await from.host.run([
    'iperf3',
    '-J',
    '-t',
    String(TRANSFER_SECONDS),
    '-c',
    address,
  ])
  const result = JSON.parse(report) as { end: { sum_received: { bits_per_second: number } } }
  return result.end.sum_received.bits_per_second / 1e6
}

function title(text: string): void {
  say(`\n${styleText('bold', text)}`)
}

/** With --json stdout belongs to the document. */
function say(text: string): void {
  if (options.json === true) console.error(text)
  else console.log(text)
}

function indent(text: string): string {
  return text.trimEnd().replace(/^/gm, '   ')
}

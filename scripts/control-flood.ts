// SPDX-License-Identifier: Apache-2.0
/**
 * A host joins over a line of 256 kbit/s while the authority's host remembers as many members as it keeps, with records as
 * large as they get: half a minute of low priority. Meanwhile the authority sets a policy, which is as critical as a revocation. Those that are
 * remembered have left, so that nobody looks for paths to them: the line is to be full of records, not of probes.
 */
import { writeFile } from 'node:fs/promises'
import { signerOf } from '../agent/shell/node-crypto.ts'
import { StateDir } from '../agent/shell/state/state-dir.ts'
import { wallTime } from '../nat/clock.ts'
import { startLab } from '../netns-lab/lab.ts'
import { Member } from '../netns-lab/member.ts'
import { nodeIdOf } from '../topology/identity.ts'
import { signCertificate } from '../topology/certificate-codec.ts'
import { signRecord, type Statement } from '../topology/record-codec.ts'

const CROWD = 256
const RATE_KBIT = 256
const METRICS_PORT = 9_300

const lab = await startLab({
  name: 'control-flood',
  hosts: { hub: {}, thin: {} },
})
try {
  const [hub, thin] = ['hub', 'thin'].map((name) => new Member(lab.host(name)))
  await hub!.configure(`metrics_port = ${METRICS_PORT}\n`)
  await hub!.init()
  await hub!.run()
  await thin!.join(await hub!.createToken())
  await hub!.stop()
  const bytes = rememberCrowd(hub!.stateDir)
  await hub!.run()
  await lab.set('thin', { rateKbit: RATE_KBIT })
  await thin!.run()
  await hub!.host.waitFor(async () => (await low(hub!)).said > 20, {
    deadlineMs: 30_000,
    what: 'the flood has begun',
    pollMs: 100,
  })
  const policy = `${hub!.host.stateDir}/policy.toml`
  await writeFile(policy, '[[allow]]\nfrom = ["*"]\nto = ["*"]\n')
  await hub!.do(['policy', 'set', policy])
  const heardBy = async (member: Member) =>
    member.host.waitFor(
      async () => (await member.events()).find(({ kind }) => kind === 'policy-changed'),
      { deadlineMs: 60_000, what: `${member.name} has the policy`, pollMs: 100 },
    )
  const at = Date.parse((await heardBy(hub!)).time)
  const heard = Date.parse((await heardBy(thin!)).time)
  const then = await low(hub!)
  await hub!.host.waitFor(async () => (await low(hub!)).waiting === 0, {
    deadlineMs: 120_000,
    what: 'the flood is over',
    pollMs: 500,
  })
  const over = Date.now()
  process.stdout.write(
    `${bytes} bytes of ${CROWD} members over ${RATE_KBIT} kbit/s
policy set in the middle of it; heard after ${heard - at} ms, when ${then.said} were told and ${then.waiting} waited
the flood was over ${over - at} ms after the policy was set
`,
  )
  if (heard - at > 3_000 || over - heard < 3_000) process.exitCode = 1
} finally {
  await lab.stop()
}

/** Records said to neighbours and waiting, as the metrics tell. */
async function low({ host }: Member): Promise<{ said: number; waiting: number }> {
  const text = await host.run(['curl', '-s', `http://127.0.0.1:${METRICS_PORT}/metrics`])
  const of = (name: string) =>
    Number(text.match(new RegExp(`^meshgate_${name}{priority="low"} (\\d+)$`, 'm'))?.[1] ?? NaN)
  return { said: of('control_messages_total'), waiting: of('control_waiting') }
}

/** Writes them where the agent remembers its members. Returns their size. */
function rememberCrowd(path: string): number {
  const state = StateDir.open(path)
  const { network } = state.loadMembership()!
  const authority = signerOf(state.loadAuthorityKey()!.seed)
  const now = wallTime(Date.now())
  const records = Array.from({ length: CROWD }, (_, i) => {
    const seed = crypto.getRandomValues(new Uint8Array(32))
    const node = signerOf(seed)
    const key = Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('hex')
    const certificate = signCertificate(
      {
        network: network.id,
        serial: 1_000 + i,
        node: nodeIdOf(node.publicKey),
        wireguardKey: key as never,
        probeKey: key as never,
        name: `crowd-${i}`,
        ipv4: `${network.ipv4Prefix.split('.').slice(0, 2).join('.')}.200.${i % 256}`,
        ipv6: network.ipv6Prefix.replace('::/48', `::${(0x1000 + i).toString(16)}`),
        tags: Array.from(
          { length: 12 },
          (_, n) => `${String(n).padStart(2, 'x')}${'t'.repeat(60)}`,
        ),
        prefixes: [],
        hub: false,
        authority: false,
        notBefore: wallTime(now - 60_000),
        notAfter: wallTime(now + 86_400_000),
      },
      authority,
    )
    return signRecord(statement(now), certificate, node).bytes
  })
  state.saveRecords(records)
  return records.reduce((sum, { length }) => sum + length, 0)
}

function statement(now: ReturnType<typeof wallTime>): Statement {
  return {
    version: now,
    issuedAt: now,
    present: false,
    candidates: [],
    nat: { mapping: 'unknown', filtering: 'unknown', lifetimeMs: null },
    dialAddresses: [],
    dialPort: 1,
    relay: false,
    birthdaySearch: false,
    draining: false,
    hubs: [],
    stunServers: [],
  }
}

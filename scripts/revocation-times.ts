// SPDX-License-Identifier: Apache-2.0
/** A lab of public hosts, one of which is revoked; each tells by its event log when it dropped that one. */
import { startLab } from '../netns-lab/lab.ts'
import { Member } from '../netns-lab/member.ts'

const count = Number(process.argv[2] ?? 20)
const names = Array.from({ length: count }, (_, i) => `host-${i}`)
const lab = await startLab({
  name: 'revocation-times',
  hosts: Object.fromEntries(names.map((name) => [name, {}])),
})
try {
  const members = names.map((name) => new Member(lab.host(name)))
  const [founder, lost, ...rest] = members
  await founder!.init()
  await founder!.run()
  const token = await founder!.createToken('--uses', String(count))
  // All join before any runs: an agent that starts takes from the others what they need to be in time.
  for (const member of [lost!, ...rest]) await member.join(token)
  for (const member of [lost!, ...rest]) await member.run()
  for (const member of members)
    await member.host.waitFor(async () => (await member.status()).peers.length === count - 1, {
      deadlineMs: 60_000,
      what: `${member.name} knows all`,
      pollMs: 1_000,
    })
  const startedMs = Date.now()
  await founder!.do(['node', 'revoke', lost!.name])
  const times: number[] = []
  for (const member of [founder!, ...rest]) {
    const heard = await member.host.waitFor(
      async () => (await member.events()).find(({ kind }) => kind === 'member-revoked'),
      { deadlineMs: 30_000, what: `${member.name} drops it`, pollMs: 500 },
    )
    times.push(Date.parse(heard.time) - startedMs)
  }
  const own = await lost!.host.waitFor(
    async () => (await lost!.events()).find(({ kind }) => kind === 'revoked'),
    { deadlineMs: 30_000, what: 'the revoked one knows', pollMs: 500 },
  )
  // The command itself takes part of a second to start: the first to drop is the authority's own agent.
  const firstMs = Math.min(...times)
  const sorted = times.map((ms) => ms - firstMs).sort((a, b) => a - b)
  const at = (share: number) =>
    sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]
  process.stdout.write(
    `${count} hosts; the command took ${firstMs} ms to the authority's agent
dropped everywhere, ms after that: p50 ${at(0.5)}, p90 ${at(0.9)}, last ${sorted.at(-1)}
the revoked host knew after ${Date.parse(own.time) - startedMs - firstMs} ms
`,
  )
} finally {
  await lab.stop()
}

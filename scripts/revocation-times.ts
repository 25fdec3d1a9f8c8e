// SPDX-License-Identifier: Apache-2.0
/** A lab of public hosts, one of which is revoked; each tells by its event log when it dropped that one. */
import { startLab } from '../netns-lab/lab.ts'
import type { MemberStatus } from '../netns-lab/member.ts'
import { allSee, distribution, startCrowd } from './crowd.ts'
import { keepMeasured } from './measured.ts'

const count = Number(process.argv[2] ?? 20)
const names = Array.from({ length: count }, (_, i) => `host-${i}`)
const lab = await startLab({
  name: 'revocation-times',
  hosts: Object.fromEntries(names.map((name) => [name, {}])),
})
try {
  const members = await startCrowd(lab, names)
  const [founder, lost, ...rest] = members
  const knowsAll = ({ peers }: MemberStatus) =>
    peers.length === count - 1 ? undefined : `knows ${peers.length}`
  await allSee(members, 'knows all', knowsAll, 120_000)
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
  const result = `${count} hosts; the command took ${firstMs} ms to the authority's agent
dropped everywhere, ms after that: ${distribution(times.map((ms) => ms - firstMs))}
the revoked host knew after ${Date.parse(own.time) - startedMs - firstMs} ms
`
  process.stdout.write(result)
  keepMeasured(`scripts/revocation-times ${count}`, result)
} finally {
  await lab.stop()
}

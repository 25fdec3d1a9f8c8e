// SPDX-License-Identifier: Apache-2.0
import type { PathStatus, Why, WhyAttempt, WhySide } from '../../core/status.ts'
import { ApiClient } from '../api/api-client.ts'
import { type CommandContext, print } from './context.ts'
import { describePath, roundTripText } from './status.ts'
import { table } from './table.ts'

/** `meshgate why PEER` */
export async function why(context: CommandContext, _: object, peer: string): Promise<number> {
  const path = `/v1/why?peer=${encodeURIComponent(peer)}`
  const answer = await new ApiClient(context.runDir).get<Why>(path)
  print(context, answer, whyText(answer))
  return 0
}

export function whyText(answer: Why): string {
  const { peer, sentence, path, backups, self, other, nextRoundMs, remedies } = answer
  const lines = [`${peer}: ${sentence}`, '', `path:     ${pathText(path)}`]
  lines.push(...backups.map((backup) => `backup:   ${pathText(backup)}`))
  lines.push('', sideText(self), sideText(other), '', attemptsText(answer))
  lines.push(...searchLines(answer), '', ...otherEnd(answer))
  if (answer.policy !== null) lines.push('', answer.policy.sentence)
  if (nextRoundMs !== null)
    lines.push(`all tried again in ${Math.ceil(nextRoundMs / 1_000)} s, or when something changes`)
  if (remedies.length > 0) lines.push('', 'what would help:', ...remedies.map((one) => `  ${one}`))
  return lines.join('\n')
}

function pathText(path: PathStatus): string {
  return `${describePath(path)}${path.rttMs === null ? '' : `, ${roundTripText(path.rttMs)}`}`
}

function sideText({ name, nat, evidence, hubs, relay }: WhySide): string {
  const facts = [`mapping ${nat.mapping}, filtering ${nat.filtering}`]
  if (relay) facts.push('relays for others')
  if (hubs.length > 0) facts.push(`home ${hubs.join(', ')}`)
  return `${name}: ${facts.join('; ')}${evidence === null ? '' : ` (${evidence})`}`
}

function searchLines({ search }: Why): string[] {
  if (search === null) return []
  const { kind, task, sockets, probes, attempts, attemptsMax, isUnderWay, nextMs, last } = search
  const means = `${sockets === 0 ? 'the one port' : `${sockets} sockets`} against ${probes} probes`
  const lines = [`search by ${kind} (${task}), ${means}: ${attempts} of ${attemptsMax} made`]
  if (isUnderWay) lines.push('  one is under way')
  if (nextMs !== null) lines.push(`  the next one begins in ${Math.ceil(nextMs / 1_000)} s`)
  if (last !== null) {
    const at = last.endpoint === null ? '' : ` at ${last.endpoint}`
    lines.push(
      `  the last one: ${last.result}${at}, ${last.probes} probes, ${last.sockets} sockets`,
    )
  }
  return lines
}

/** What the peer says of the pair, or why it says nothing. */
function otherEnd({ peer, self, otherPath, otherSentence, otherAttempts, unanswered }: Why) {
  if (unanswered !== null) return [`only one end's view: ${unanswered.sentence}`]
  const path = otherPath === null ? '' : `; path: ${pathText(otherPath)}`
  const said = `${peer} says of ${self.name}: ${otherSentence ?? ''}${path}`
  return [said, triedText(peer, self.name, otherAttempts ?? [])]
}

function attemptsText({ attempts, peer, self }: Why): string {
  return triedText(self.name, peer, attempts)
}

function triedText(by: string, of: string, attempts: readonly WhyAttempt[]): string {
  if (attempts.length === 0) return `${by} knows no address of ${of} to try`
  const rows = attempts.map(({ address, kind, outcome, rttMs }) => {
    return [address, kind, outcome, roundTripText(rttMs)]
  })
  const titles = [`address of ${of}`, 'kind', 'outcome', 'round trip']
  return `tried by ${by}:\n${table(titles, rows)}`
}

// SPDX-License-Identifier: Apache-2.0
import { styleText } from 'node:util'
import { diagnose } from '../doctor/diagnose.ts'
import type { Finding } from '../doctor/finding.ts'
import { gatherFacts } from '../doctor/gather-facts.ts'
import { type CommandContext, print } from './context.ts'

/** Further lines stand under the first one's text. */
const BELOW = `\n${' '.repeat(17)}`

const MARKS = { good: ['green', 'ok '], look: ['yellow', ' ! '], bad: ['red', ' x '] } as const

/** `meshgate doctor`: 1 if anything does not work. */
export async function doctor(context: CommandContext): Promise<number> {
  const findings = diagnose(await gatherFacts(context))
  print(context, findings, doctorText(findings))
  return findings.some(({ verdict }) => verdict === 'bad') ? 1 : 0
}

export function doctorText(findings: readonly Finding[]): string {
  const lines = findings.map(({ check, verdict, found, remedy }) => {
    const [colour, mark] = MARKS[verdict]
    const head = styleText(colour, mark, { stream: process.stdout })
    const told = remedy === '' ? found : `${found}\n${remedy}`
    return `${head} ${check.padEnd(12)} ${told.replaceAll(/\n\s*/g, BELOW)}`
  })
  const bad = findings.filter(({ verdict }) => verdict === 'bad').length
  const look = findings.filter(({ verdict }) => verdict === 'look').length
  const sum = bad + look === 0 ? 'nothing is wrong' : `${bad} broken, ${look} could be better`
  return `${lines.join('\n')}\n\n${sum}`
}

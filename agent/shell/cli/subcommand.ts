// SPDX-License-Identifier: Apache-2.0
import type { Command } from 'commander'
import type { CommandContext } from './context.ts'

/** For an option that may be given several times. */
export const collect = (value: string, earlier: string[] = []): string[] => [...earlier, value]

export type Run<O> = (context: CommandContext, options: O, argument: string) => Promise<number>

/** What a command does, loaded when it runs. */
export type Act = <O extends object>(
  load: () => Promise<Run<O>>,
) => (...given: unknown[]) => Promise<void>

/** Adds a command under another one, with examples in its help. */
export function command(
  parent: Command,
  name: string,
  summary: string,
  examples: string[],
): Command {
  const text = examples.map((example) => `  $ ${example}`).join('\n')
  return parent
    .command(name)
    .description(summary)
    .helpCommand(false)
    .addHelpText('after', `\nExamples:\n${text}`)
}

// SPDX-License-Identifier: Apache-2.0
/** The `meshgate` command. */
import { type Command, CommanderError } from 'commander'
import { program } from './cli/command-line.ts'
import type { Act } from './cli/subcommand.ts'
import { commandContext, type GlobalOptions } from './cli/context.ts'
import { whyNoAgent } from './cli/no-agent.ts'
import { reportFailure } from './cli/report-failure.ts'

const EXIT_USAGE = 2

/** Runs one command line; resolves to the exit code. */
async function main(argv: readonly string[]): Promise<number> {
  const asJson = argv.includes('--json')
  let code = 0
  const act: Act =
    (load) =>
    async (...given) => {
      const command = given.at(-1) as Command
      const isExplicit = command.getOptionValueSourceWithGlobals('config') !== 'default'
      const context = commandContext(command.optsWithGlobals<GlobalOptions>(), isExplicit)
      // Commander gives the arguments first, then the options, then the command.
      const argument = given.length === 3 ? ((given[0] ?? '') as string) : ''
      const run = await load()
      code = await run(context, command.opts(), argument).catch((error: unknown) => {
        throw whyNoAgent(error, context)
      })
    }
  try {
    await program(act, asJson).parseAsync([...argv], { from: 'user' })
    return code
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return 0
      const isHelp = error.code === 'commander.help'
      const message = isHelp ? 'no command was given' : error.message.replace(/^error: /, '')
      // Without --json commander has written it already.
      if (asJson) reportFailure({ code: 'usage', message, remedy: 'see --help' }, asJson)
      return EXIT_USAGE
    }
    return reportFailure(error, asJson)
  }
}

process.exitCode = await main(process.argv.slice(2))

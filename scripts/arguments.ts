// SPDX-License-Identifier: Apache-2.0
import { basename } from 'node:path'
import { parseArgs, type ParseArgsConfig } from 'node:util'

/** As util.parseArgs, but what it cannot take ends the script with 2 and one line that says so. */
export function readArguments<const T extends ParseArgsConfig>(
  config: T,
): ReturnType<typeof parseArgs<T>> {
  try {
    return parseArgs(config)
  } catch (error) {
    const script = basename(process.argv[1] ?? '', '.ts')
    // What follows the first sentence is for programs that take such words as they are.
    const [problem] = (error as Error).message.split('. ')
    console.error(`${script}: ${problem}; scripts/${script} --help tells what there is`)
    return process.exit(2)
  }
}

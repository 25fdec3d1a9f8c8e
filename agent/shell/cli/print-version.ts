// SPDX-License-Identifier: Apache-2.0
import { VERSION } from '../version.ts'
import { type CommandContext, print } from './context.ts'

/** `meshgate version` */
export async function printVersion(context: CommandContext): Promise<number> {
  const document = { meshgate: VERSION, node: process.versions.node }
  print(context, document, `meshgate ${VERSION} (node ${process.versions.node})`)
  return 0
}

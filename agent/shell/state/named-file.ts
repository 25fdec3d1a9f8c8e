// SPDX-License-Identifier: Apache-2.0
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'

const FILE_BYTES_MAX = 65_536
const OTHERS_READ = 0o004

/** The text of a file that the configuration names; `bad` hears why there is none, or why it should not be used. */
export function readNamedFile(
  file: string,
  bad: (why: string) => void,
  { isSecret = false }: { readonly isSecret?: boolean } = {},
): string | undefined {
  try {
    const open = openSync(file, 'r')
    try {
      if (isSecret && (fstatSync(open).mode & OTHERS_READ) !== 0) bad('can be read by everybody')
      const bytes = Buffer.alloc(FILE_BYTES_MAX)
      return bytes.toString('utf8', 0, readSync(open, bytes, 0, FILE_BYTES_MAX, 0))
    } finally {
      closeSync(open)
    }
  } catch (error) {
    bad(`cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`)
    return undefined
  }
}

// SPDX-License-Identifier: Apache-2.0
import { dirname } from 'node:path'
import { getSystemErrorMessage } from 'node:util'

/**
 * too-open: others may read a secret or write beside it. damaged: cut off, altered or not ours.
 * newer-version: written by a later meshgate. io: the system said no. holds-the-authority: what is to be
 * removed cannot be made anew.
 */
export type StateFaultCode = 'too-open' | 'damaged' | 'newer-version' | 'io' | 'holds-the-authority'

/** What is wrong with the state directory, which file it is, and what to do about it. */
export class StateFault extends Error {
  readonly code: StateFaultCode
  readonly path: string
  readonly remedy: string

  constructor(
    code: StateFaultCode,
    fault: {
      readonly path: string
      readonly problem: string
      readonly remedy: string
      readonly cause?: unknown
    },
  ) {
    super(`${fault.path}: ${fault.problem}`, { cause: fault.cause })
    this.name = 'StateFault'
    this.code = code
    this.path = fault.path
    this.remedy = fault.remedy
  }
}

/** Runs a file operation; what the system refuses becomes a fault that names the file. */
export function onFile<T>(path: string, operation: () => T): T {
  try {
    return operation()
  } catch (error) {
    if (error instanceof StateFault) throw error
    const { code, errno, message } = error as NodeJS.ErrnoException
    throw new StateFault('io', {
      path,
      problem: errno === undefined ? message : getSystemErrorMessage(errno),
      remedy: remedyOf(code, path),
      cause: error,
    })
  }
}

function remedyOf(code: string | undefined, path: string): string {
  return code === undefined ? ELSE : (REMEDIES[code]?.(path) ?? ELSE)
}

const ELSE = 'check the file system, or choose another state directory'
const NOT_ALLOWED = () => 'run the command as the user that runs the agent, or as root'
const NO_ROOM = () => 'free some space on that file system'
const IN_THE_WAY = (path: string) =>
  `something else is in the way at ${path}: move it, or choose another state directory`

const REMEDIES: Readonly<Record<string, (path: string) => string>> = {
  EACCES: NOT_ALLOWED,
  EPERM: NOT_ALLOWED,
  ENOSPC: NO_ROOM,
  EDQUOT: NO_ROOM,
  EROFS: () => 'choose a state directory on a file system that can be written',
  ENOENT: (path) => `is the path right? ${dirname(path)} has to be there, and what is to be read`,
  ENOTDIR: IN_THE_WAY,
  EISDIR: IN_THE_WAY,
  EEXIST: IN_THE_WAY,
}

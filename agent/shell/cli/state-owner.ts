// SPDX-License-Identifier: Apache-2.0
/**
 * The packaged agent runs as a user of its own, and the state directory is that user's. What root does there by a
 * command it does as that user, so that the agent can read what was written.
 */
import { statSync } from 'node:fs'
import { isRoot } from '../helper/privileges.ts'
import { StateDir } from '../state/state-dir.ts'

/** Throws StateFault. From here on root is the directory's owner. */
export function openState(directory: string): StateDir {
  actAsOwner(directory)
  return StateDir.open(directory)
}

/** What the owner of the state may not do, such as starting services. */
export function asRoot<T>(work: () => T): T {
  const [uid, gid] = [process.geteuid?.(), process.getegid?.()]
  if (!isRoot() || uid === undefined || gid === undefined) return work()
  process.seteuid?.(0)
  process.setegid?.(0)
  try {
    return work()
  } finally {
    process.setegid?.(gid)
    process.seteuid?.(uid)
  }
}

function actAsOwner(directory: string): void {
  if (!isRoot()) return
  const owner = statSync(directory, { throwIfNoEntry: false })
  if (owner === undefined || owner.uid === 0) return
  process.setegid?.(owner.gid)
  process.seteuid?.(owner.uid)
}

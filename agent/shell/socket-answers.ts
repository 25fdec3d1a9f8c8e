// SPDX-License-Identifier: Apache-2.0
import { createConnection } from 'node:net'

/** Whether somebody listens on a Unix socket; a file left behind by a dead process does not count. */
export function socketAnswers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(path)
    const settle = (answers: boolean) => {
      socket.destroy()
      resolve(answers)
    }
    socket.once('connect', () => settle(true))
    // Who may not connect still knows that it is there.
    socket.once('error', (error: NodeJS.ErrnoException) => settle(error.code === 'EACCES'))
  })
}

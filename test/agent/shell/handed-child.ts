// SPDX-License-Identifier: Apache-2.0
/** Prints the sockets that it finds itself with. */
import { handedSockets } from '../../../agent/shell/underlay/handed-sockets.ts'

const ofParent = handedSockets({ LISTEN_PID: String(process.ppid), LISTEN_FDS: '2' }, process.pid)
const own = handedSockets({ LISTEN_PID: String(process.pid), LISTEN_FDS: '3' }, process.pid)
process.stdout.write(JSON.stringify({ ofParent, own }))

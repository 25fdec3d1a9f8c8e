// SPDX-License-Identifier: Apache-2.0
import { startLab } from '../../netns-lab/lab.ts'

/**
 * A process that brings up a lab, tells its state directory and its holders' pids in one line of JSON, and then waits
 * to be killed.
 */
const lab = await startLab(process.argv[2] ?? '')
lab.host('bob').spawn(['sleep', '1000'])
const holders = [lab.host('hub').outerPid]
process.stdout.write(`${JSON.stringify({ stateDir: lab.stateDir, holders })}\n`)
setInterval(() => undefined, 1000)

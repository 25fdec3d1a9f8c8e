// SPDX-License-Identifier: Apache-2.0
import { createServer, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import {
  type ControlAnswer,
  type ControlRequest,
  controlSocket,
  detachWord,
  type StartAnswer,
  type StartRequest,
} from './control-protocol.ts'
import { RunningLab } from './running-lab.ts'

/** Long enough for hundreds of links. */
const closeDeadlineMs = 10_000

/**
 * The process that holds a lab. Its parent is the init of the lab's pid namespace (see lab-launch.ts), so that its
 * end, however it comes, is the end of every process and namespace of the lab.
 *
 * Until it is told to detach it lives only as long as somebody holds the other end of its standard input.
 */
let detached = false
let lab: RunningLab | undefined

const lines = createInterface(process.stdin)
lines.once('line', (first) => {
  lines.on('line', (word) => {
    if (word === detachWord) detached = true
  })
  void start(JSON.parse(first) as StartRequest)
})
lines.once('close', () => {
  if (!detached) end(0)
})

async function start(request: StartRequest): Promise<void> {
  try {
    lab = new RunningLab(request, fail)
    const nodes = await lab.bringUp()
    await serve(lab, request.stateDir)
    answer({ ok: true, nodes })
  } catch (error) {
    fail(error instanceof Error ? error.message : String(error))
  }
}

async function serve(lab: RunningLab, directory: string): Promise<void> {
  const server = createServer((socket) => {
    createInterface(socket).once('line', (line) => {
      void obey(lab, JSON.parse(line) as ControlRequest, socket)
    })
    // The asker may go away before the answer.
    socket.on('error', () => undefined)
  })
  await new Promise<void>((resolve) => server.listen(controlSocket(directory), resolve))
}

async function obey(lab: RunningLab, request: ControlRequest, socket: Socket): Promise<void> {
  const reply = (result: ControlAnswer) => socket.end(JSON.stringify(result))
  try {
    switch (request.op) {
      case 'status':
        reply({ ok: true, status: await lab.status() })
        return
      case 'set-link':
        await lab.setLink(request.link, request.change)
        break
      case 'set-nat':
        await lab.setNat(request.nat, request.change)
        break
      case 'set-host':
        await lab.setHost(request.host, request.change)
        break
      case 'set-internet':
        await lab.setInternet(request.change)
        break
      case 'set-service':
        await lab.setService(request.service, request.change)
        break
      case 'stop':
        socket.end(JSON.stringify({ ok: true } satisfies ControlAnswer), () => end(0))
        return
    }
    reply({ ok: true })
  } catch (error) {
    reply({ ok: false, error: error instanceof Error ? error.message : String(error) })
  }
}

function answer(result: StartAnswer): void {
  process.stdout.write(`${JSON.stringify(result)}\n`)
}

function fail(reason: string): void {
  process.stderr.write(`lab: ${reason}\n`)
  process.stdout.write(
    `${JSON.stringify({ ok: false, error: reason } satisfies StartAnswer)}\n`,
    () => end(1),
  )
}

/** The init that waits for this process clears up behind it, also when it is killed. */
function end(code: number): void {
  setTimeout(() => process.exit(code), closeDeadlineMs)
  void (lab?.close() ?? Promise.resolve()).finally(() => process.exit(code))
}

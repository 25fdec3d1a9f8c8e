// SPDX-License-Identifier: Apache-2.0
/**
 * The real helper in a network namespace of its own. Needs root and dist/meshgate-helper.
 */
import { execFileSync, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe } from 'vitest'
import type { RunningHelper } from '../contract/contract-bench.ts'
import { helperContract } from '../contract/helper-contract.ts'

const PROGRAM = join(import.meta.dirname, '../../dist/meshgate-helper')
const START_DEADLINE_MS = 10_000

/** Set where scripts/test-kernel runs this in a virtual machine whose kernel has WireGuard. */
const ENGINE = process.env['MESHGATE_ENGINE'] ?? 'userspace'

describe(`the Go helper on the engine ${ENGINE}`, () => {
  helperContract(startInNamespace)
})

async function startInNamespace(): Promise<RunningHelper> {
  const directory = await mkdtemp(join(tmpdir(), 'meshgate-'))
  const socketPath = join(directory, 'helper.sock')
  // The namespaces go when the helper does; loopback is up as on any host, and the machine's resolver is not touched.
  const script =
    'ip link set lo up && mount --bind /dev/null /etc/resolv.conf && exec "$0" --socket "$1" --engine "$2"'
  const words = ['--net', '--mount', 'sh', '-c', script, PROGRAM, socketPath, ENGINE]
  const child = spawn('unshare', words, { stdio: ['ignore', 'inherit', 'inherit'] })
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const deadlineMs = performance.now() + START_DEADLINE_MS
  while (!(await listens(socketPath))) {
    if (child.exitCode !== null || performance.now() > deadlineMs)
      throw new Error('the helper did not start: is it built, and is this root?')
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return {
    socketPath,
    gone,
    provoke: () => {
      // A new link in the helper's namespace: it must say links-changed.
      const inside = ['--target', String(child.pid), '--net', 'ip']
      execFileSync('nsenter', [...inside, 'link', 'add', 'mg-a', 'type', 'veth', 'peer', 'mg-b'])
      execFileSync('nsenter', [...inside, 'link', 'set', 'mg-a', 'up'])
    },
    stop: async () => {
      child.kill('SIGTERM')
      await gone
      await rm(directory, { recursive: true, force: true })
    },
  }
}

function listens(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(socketPath)
    socket.once('connect', () => resolve(true))
    socket.once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}

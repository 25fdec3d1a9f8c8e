// SPDX-License-Identifier: Apache-2.0
/**
 * Tells systemd that the agent runs, and goes on running. Its socket takes datagrams, which Node cannot send to a Unix
 * socket, so systemd's own `systemd-notify` does: a process of a millisecond each half of the watchdog's time.
 */
import { spawn } from 'node:child_process'

export interface ReadinessOptions {
  readonly environment: NodeJS.ProcessEnv
  /** One line for `systemctl status`. */
  readonly status: () => string
  /** Runs `systemd-notify` with these arguments. */
  readonly notify?: (args: readonly string[]) => void
}

export interface Readiness {
  /** Says that the end has begun. */
  stop(): void
}

/** Does nothing if no service manager has asked. */
export function startReadiness({ environment, status, notify = run }: ReadinessOptions): Readiness {
  if ((environment['NOTIFY_SOCKET'] ?? '') === '') return { stop: () => undefined }
  const statusLine = () => `--status=${status()}`
  notify(['--ready', statusLine()])
  const watchdogMs = Number(environment['WATCHDOG_USEC']) / 1_000
  const timer =
    watchdogMs > 0
      ? setInterval(() => notify([statusLine(), 'WATCHDOG=1']), watchdogMs / 2)
      : undefined
  return {
    stop: () => {
      clearInterval(timer)
      notify(['STOPPING=1'])
    },
  }
}

/** A sign that does not arrive is one that the manager misses; there is nothing else to do about it. */
function run(args: readonly string[]): void {
  spawn('systemd-notify', args, { stdio: 'ignore' }).once('error', () => undefined)
}

// SPDX-License-Identifier: Apache-2.0
/** The channel process as the agent sees it: started when the first channel is wanted, and again after it has died. */
import { type ChildProcess, spawn } from 'node:child_process'
import type { ChannelOrder, ChannelReport } from './channel-message.ts'

export interface ChannelProcessOptions {
  /** The file of the program. */
  readonly program: string
  readonly helperSocket: string
  readonly client: string
  readonly onReport: (report: ChannelReport) => void
  /** It has died, and its channels with it. */
  readonly onGone: (reason: string) => void
}

export class ChannelProcess {
  readonly #options: ChannelProcessOptions
  #child: ChildProcess | undefined

  constructor(options: ChannelProcessOptions) {
    this.#options = options
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  send(order: ChannelOrder): void {
    this.#running().send(order, () => undefined)
  }

  /** Leaves the process alone: it goes on for as long as somebody's packets go over its channels. */
  close(): void {
    const child = this.#child
    this.#child = undefined
    if (child?.connected === true) child.disconnect()
  }

  #running(): ChildProcess {
    if (this.#child !== undefined) return this.#child
    const { program, helperSocket, client, onReport, onGone } = this.#options
    const child = spawn(process.execPath, [program], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      serialization: 'advanced',
    })
    this.#child = child
    const gone = (reason: string) => {
      if (this.#child !== child) return
      this.#child = undefined
      onGone(reason)
    }
    child.on('message', (report) => {
      if (this.#child === child) onReport(report as ChannelReport)
    })
    child.on('error', (error) => gone(error.message))
    child.on('exit', (code, signal) => gone(signal ?? `exit code ${code}`))
    // Neither keeps an agent running that has nothing else to do.
    child.unref()
    child.channel?.unref()
    child.send({ kind: 'start', helperSocket, client } satisfies ChannelOrder, () => undefined)
    return child
  }
}

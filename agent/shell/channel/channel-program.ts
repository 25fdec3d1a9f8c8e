// SPDX-License-Identifier: Apache-2.0
/**
 * The channel process: holds data channels for the agent, and carries the helper's packets over them. It is a process of its
 * own because the library in it is native code that speaks with strangers: if it dies, a channel is lost and nothing else.
 *
 * Its channels outlive the agent: an agent that stops, or is upgraded, loses no packet. Once the agent is gone it ends with its
 * last channel, or with the helper.
 */
import { cleanup, PeerConnection } from 'node-datachannel'
import { Carrier } from './carrier.ts'
import type { ChannelOrder, ChannelReport } from './channel-message.ts'
import { DataChannelSession } from './data-channel.ts'

type Opening = Extract<ChannelOrder, { kind: 'open' }>

class ChannelProgram {
  readonly #carrier: Carrier
  readonly #sessions = new Map<string, DataChannelSession>()
  /** Of each peer the session that packets go over, by its key. */
  readonly #active = new Map<string, string>()
  #isAlone = false
  #isEnding = false

  constructor(helperSocket: string, client: string) {
    this.#carrier = new Carrier({
      socketPath: helperSocket,
      client,
      onPacket: (peer, packet) => this.#activeOf(peer)?.send(packet),
      onDismissed: (peer) => this.#activeOf(peer)?.close(),
      onLost: () => {
        if (this.#isAlone) this.#end()
      },
    })
  }

  take(order: ChannelOrder): void {
    switch (order.kind) {
      case 'start':
        return
      case 'open':
        return this.#open(order)
      case 'answered':
        return this.#sessions.get(order.session)?.answered(order.remote)
      case 'candidates':
        return this.#sessions.get(order.session)?.addCandidates(order.candidates)
      case 'close':
        return this.#sessions.get(order.session)?.close()
    }
  }

  /** The agent is gone. */
  leftAlone(): void {
    this.#isAlone = true
    if (this.#carrier.isConnected) this.#endIfIdle()
    else this.#end()
  }

  #open({ session, peer, iceServers, remote, candidates }: Opening): void {
    if (this.#sessions.has(session)) return
    const opened = new DataChannelSession(
      { PeerConnection },
      {
        iceServers,
        remote,
        onDescription: (ice, found) =>
          report({ kind: 'description', session, ice, candidates: found }),
        onCandidates: (found) => report({ kind: 'candidates', session, candidates: found }),
        onOpen: (over) => this.#opened(session, peer, over),
        onClosed: (reason) => this.#closed(session, peer, reason),
        onPacket: (packet) => this.#carrier.deliver(peer, packet),
      },
    )
    this.#sessions.set(session, opened)
    opened.addCandidates(candidates)
  }

  #opened(session: string, peer: string, over: string): void {
    const before = this.#activeOf(peer)
    this.#active.set(peer, session)
    before?.close()
    this.#carrier.opened(peer)
    report({ kind: 'opened', session, over })
  }

  #closed(session: string, peer: string, reason: string): void {
    this.#sessions.delete(session)
    if (this.#active.get(peer) === session) {
      this.#active.delete(peer)
      this.#carrier.closed(peer)
    }
    report({ kind: 'closed', session, reason })
    this.#endIfIdle()
  }

  #activeOf(peer: string): DataChannelSession | undefined {
    const session = this.#active.get(peer)
    return session === undefined ? undefined : this.#sessions.get(session)
  }

  #endIfIdle(): void {
    if (this.#isAlone && this.#active.size === 0) this.#end()
  }

  #end(): void {
    if (this.#isEnding) return
    this.#isEnding = true
    for (const session of this.#sessions.values()) session.close()
    this.#carrier.close()
    // Connections close a moment after they are told to.
    setTimeout(() => {
      cleanup()
      process.exit(0)
    }, 100)
  }
}

function report(message: ChannelReport): void {
  if (process.connected) process.send?.(message)
}

let program: ChannelProgram | undefined
process.title = 'meshgate-channels'
// The agent's end is no signal of ours: what interrupts the agent must not cut the channels.
process.on('SIGINT', () => undefined)
process.on('message', (order: ChannelOrder) => {
  if (order.kind === 'start') program ??= new ChannelProgram(order.helperSocket, order.client)
  else program?.take(order)
})
process.on('disconnect', () => {
  if (program === undefined) process.exit(0)
  program.leftAlone()
})

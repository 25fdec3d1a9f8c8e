// SPDX-License-Identifier: Apache-2.0
/** The agent's data channels put together: the desk that sets them up, and the process that holds them. */
import { join } from 'node:path'
import type { Signer } from '../../../topology/crypto.ts'
import type { NodeId } from '../../../topology/identity.ts'
import type { Signal } from '../../../topology/signal.ts'
import { isMeshAddress } from '../../core/observe.ts'
import type { Node } from '../../core/state.ts'
import { stunServerAddresses } from '../../core/stun-servers.ts'
import { readClock } from '../clock.ts'
import type { Log } from '../log.ts'
import type { Loop } from '../loop.ts'
import { nodeCrypto } from '../node-crypto.ts'
import { VERSION } from '../version.ts'
import { ChannelDesk } from './channel-desk.ts'
import { ChannelProcess } from './channel-process.ts'
import { iceServers } from './ice-servers.ts'

export interface AgentChannelsOptions {
  readonly node: Node
  readonly loop: Loop
  readonly signer: Signer
  readonly helperSocket: string
  readonly log: Log
  /** To the member, over whoever reaches it. */
  signal(to: NodeId, signal: Uint8Array): void
}

export interface AgentChannels {
  open(node: NodeId): void
  close(node: NodeId): void
  takeSignal(signal: Signal): void
  stop(): void
}

/** A process without channels goes after this: it holds 60 MB, and takes a tenth of a second to start. */
const IDLE_MS = 5_000

/** Beside the agent's own bundle. */
const PROGRAM = join(import.meta.dirname, 'channels.mjs')

export function agentChannels(options: AgentChannelsOptions): AgentChannels {
  const { node, loop, signer, log } = options
  const process = new ChannelProcess({
    program: PROGRAM,
    helperSocket: options.helperSocket,
    client: `meshgate-channels ${VERSION}`,
    onReport: (report) => {
      desk.takeReport(report)
      if (report.kind === 'closed' && desk.isIdle) restLater()
    },
    onGone: (reason) => {
      log.warn({ reason }, 'the channel process is gone')
      desk.lose(reason)
    },
  })
  const desk: ChannelDesk = new ChannelDesk({
    self: node.self,
    network: node.config.network.id,
    signer,
    crypto: nodeCrypto,
    log,
    wall: () => readClock().wall,
    isMeshAddress: (ip) => isMeshAddress(node, ip),
    helperNameOf: (peer) => node.peers.get(peer)?.helperName,
    iceServers: () =>
      iceServers({
        stun: stunServerAddresses(node),
        turn: node.config.turn,
        now: readClock().wall,
      }),
    order: (order) => process.send(order),
    signal: (to, signal) => options.signal(to, signal),
    onChannel: (peer, isOpen, detail) =>
      loop.dispatch({ kind: 'channel', node: peer, isOpen, detail }),
  })
  const restLater = () => {
    setTimeout(() => {
      if (desk.isIdle) process.close()
    }, IDLE_MS).unref()
  }
  return {
    open: (peer) => desk.open(peer),
    close: (peer) => desk.close(peer),
    takeSignal: (signal) => desk.takeSignal(signal),
    stop: () => process.close(),
  }
}

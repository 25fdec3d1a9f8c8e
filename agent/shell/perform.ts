// SPDX-License-Identifier: Apache-2.0
/** do: effects to the helper, to gossip and to the disk. Nothing here decides anything. */
import type { NodeId } from '../../topology/identity.ts'
import type { MeasureOutcome } from '../../nat/path-mtu.ts'
import type { SideMessage } from '../../nat/side-socket.ts'
import type { UpnpRequest } from '../../nat/upnp-request.ts'
import type { Question, Told } from '../../topology/ask-frame.ts'
import type { RecordEnvelope } from '../../topology/record.ts'
import type { DialTarget, Effect } from '../core/effect.ts'
import { type EventEntry, isWarning } from '../core/event-log.ts'
import type { Event } from '../core/event.ts'
import type { HelperFault } from '../core/helper-fault.ts'
import type { ApplyQueue } from './helper/apply-queue.ts'
import type { HelperClient } from './helper/helper-client.ts'
import type { Log } from './log.ts'

export interface World {
  readonly helper: Pick<
    HelperClient,
    'probe' | 'search' | 'stopSearch' | 'sendDatagram' | 'measure'
  >
  readonly applyQueue: Pick<ApplyQueue, 'push'>
  readonly gossip: {
    publish(envelope: RecordEnvelope): void
    setTargets(targets: readonly DialTarget[]): void
    hangUp(node: NodeId): void
    ask(to: NodeId, question: Question): Promise<Told>
  }
  readonly gateway: {
    look(): Promise<void>
    send(payload: Uint8Array): void
    request(request: UpnpRequest): Promise<void>
  }
  readonly channels: { open(node: NodeId): void; close(node: NodeId): void }
  readonly sideSockets: { perform(message: SideMessage): void }
  readonly meshSocket: { send(to: string, payload: Uint8Array): void }
  readonly membership: {
    keepNotices(): void
    keepCertificate(envelope: Uint8Array): void
    renew(): Promise<void>
  }
  /** Takes what an effect's performance brings about. */
  readonly dispatch: (event: Event) => void
  readonly keepRecord: (node: NodeId, envelope: RecordEnvelope) => void
  readonly tellFollowers: (entry: EventEntry) => void
  readonly log: Log
}

export function perform(effect: Effect, world: World): void {
  switch (effect.kind) {
    case 'apply':
      world.applyQueue.push(effect.desired)
      break
    case 'probe': {
      const { kind: _, ...probe } = effect
      // Unanswered or refused, it is the same to the checklist: the next probe is already scheduled.
      void world.helper.probe(probe)
      break
    }
    case 'search':
      // Refused is as good as found nothing: the next one comes by itself.
      void world.helper.search(effect.search)
      break
    case 'stop-search':
      void world.helper.stopSearch(effect.peer)
      break
    case 'send-datagram':
      void world.helper.sendDatagram(effect)
      break
    case 'measure':
      void measure(effect, world)
      break
    case 'side-socket':
      world.sideSockets.perform(effect.message)
      break
    case 'find-gateway':
      void world.gateway.look()
      break
    case 'send-to-gateway':
      world.gateway.send(effect.payload)
      break
    case 'upnp-request':
      void world.gateway.request(effect.request)
      break
    case 'open-channel':
      world.channels.open(effect.node)
      break
    case 'close-channel':
      world.channels.close(effect.node)
      break
    case 'ask-to-dial':
      void askToDial(effect, world)
      break
    case 'publish':
      world.gossip.publish(effect.envelope)
      break
    case 'save-record':
      world.keepRecord(effect.node, effect.envelope)
      break
    case 'send-swim':
      world.meshSocket.send(effect.to, effect.payload)
      break
    case 'save-notices':
      world.membership.keepNotices()
      break
    case 'save-certificate':
      world.membership.keepCertificate(effect.envelope)
      break
    case 'renew':
      void world.membership.renew()
      break
    case 'hang-up':
      world.gossip.hangUp(effect.node)
      break
    case 'dial-targets':
      world.gossip.setTargets(effect.targets)
      break
    case 'event': {
      const { sequence: _, time: __, kind, ...fields } = effect.entry
      world.log[isWarning(effect.entry) ? 'warn' : 'info'](fields, kind.replace('-', ' '))
      world.tellFollowers(effect.entry)
      break
    }
    case 'log':
      world.log[effect.level](effect.fields, effect.message)
      break
  }
}

async function measure(
  { peer, path, sizeBytes, timeoutMs }: Extract<Effect, { kind: 'measure' }>,
  { helper, dispatch }: World,
): Promise<void> {
  const answer = await helper.measure({ peer, path, sizeBytes, timeoutMs })
  const outcome = answer.ok ? ({ kind: 'carried' } as const) : outcomeOf(answer.fault)
  dispatch({ kind: 'measured', peer, path, outcome })
}

function outcomeOf(fault: HelperFault): MeasureOutcome {
  if (fault.kind === 'too-large') return { kind: 'too-large', mtu: fault.mtu }
  return { kind: fault.kind === 'no-reply' ? 'lost' : 'unasked' }
}

async function askToDial(
  { to, udp, tcp }: Extract<Effect, { kind: 'ask-to-dial' }>,
  { gossip, dispatch }: World,
): Promise<void> {
  const told = await gossip.ask(to, { kind: 'dial', udp, tcp })
  const result = told.kind === 'dial' ? told.result : undefined
  dispatch({ kind: 'dialled-back', by: to, result })
}

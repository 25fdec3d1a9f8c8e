// SPDX-License-Identifier: Apache-2.0
/**
 * Members with a real underlay on loopback, and a view that they fold themselves.
 */
import { PassThrough } from 'node:stream'
import { afterEach } from 'vitest'
import { signerOf } from '../../../../agent/shell/node-crypto.ts'
import { createLog } from '../../../../agent/shell/log.ts'
import { nodeCrypto } from '../../../../agent/shell/node-crypto.ts'
import { startUnderlay } from '../../../../agent/shell/underlay/underlay.ts'
import type {
  Underlay,
  UnderlayEvent,
  UnderlayOptions,
} from '../../../../agent/shell/underlay/underlay-contract.ts'
import { wallTime } from '../../../../nat/clock.ts'
import type { Signer } from '../../../../topology/crypto.ts'
import { type NodeId, nodeIdOf } from '../../../../topology/identity.ts'
import {
  acceptNotice,
  createNoticeSet,
  isRevoked,
  openNotice,
  type NoticeSet,
} from '../../../../topology/notice.ts'
import { err, type Result } from '../../../../nat/result.ts'
import type { NodeRecord } from '../../../../topology/record.ts'
import { verifyRecord } from '../../../../topology/record-codec.ts'
import { verifySignal } from '../../../../topology/signal.ts'
import { acceptRecord, createView, type View } from '../../../../topology/view.ts'
import { network, NOW, recordOf } from '../../../topology/sample-network.ts'

export interface Member {
  readonly node: NodeId
  readonly seed: Uint8Array
  readonly signer: Signer
  readonly view: View
  readonly notices: NoticeSet
  readonly events: UnderlayEvent[]
  readonly underlay: Underlay
  /** Makes, keeps and gossips a new record of its own; returns its envelope. */
  say(version: number): Uint8Array
  /** Takes what the authority says. */
  hear(notice: Uint8Array): void
  /** The version that it holds of another node. */
  versionOf(node: NodeId): number | undefined
}

export interface MemberOptions extends Partial<UnderlayOptions> {
  readonly authority?: boolean
}

export async function startMember(letter: number, options: MemberOptions = {}): Promise<Member> {
  const seed = new Uint8Array(32).fill(letter)
  const signer = signerOf(seed)
  const node = nodeIdOf(signer.publicKey)
  const view = createView()
  const notices = createNoticeSet()
  const events: UnderlayEvent[] = []
  const verify = (bytes: Uint8Array): Result<NodeRecord> => {
    const record = verifyRecord(bytes, network, nodeCrypto, NOW)
    return record.ok && isRevoked(notices, record.value.certificate) ? err('revoked') : record
  }
  const make = (version: number) =>
    recordOf(signer, { version }, { name: `node-${letter}`, authority: options.authority ?? false })
      .bytes
  const keep = (bytes: Uint8Array) => {
    const record = verify(bytes)
    if (record.ok) acceptRecord(view, record.value, { bytes })
  }
  const hear = (bytes: Uint8Array) => {
    const notice = openNotice(bytes, network, nodeCrypto, NOW)
    if (notice.ok) acceptNotice(notices, notice.value)
  }
  let own = make(NOW)
  keep(own)
  const underlay = await startUnderlay({
    self: node,
    seed,
    network: network.id,
    presharedKey: network.presharedKey,
    listen: [{ ip: '127.0.0.1', port: 0 }],
    isMeshAddress: (ip) => ip.startsWith('10.7.'),
    meshTargets: () => [],
    askTarget: (other) => ({ node: other, dialAddresses: [] }),
    answer: async () => ({ kind: 'fault', fault: 'refused' }),
    verify,
    verifySignal: (bytes) => verifySignal(bytes, network.id, nodeCrypto, NOW),
    isMember: (other) => view.entries.get(other)?.record.present === true,
    view: () => view,
    verifyNotice: (bytes) => openNotice(bytes, network, nodeCrypto, NOW),
    notices: () => notices,
    ownRecord: () => own,
    onEvent: (event) => {
      events.push(event)
      if (event.kind === 'record') keep(event.bytes)
      if (event.kind === 'notice') hear(event.bytes)
    },
    log: createLog({ level: 'error', stream: new PassThrough() as never }),
    ...options,
  })
  return {
    node,
    seed,
    signer,
    view,
    notices,
    events,
    underlay,
    say: (version) => {
      own = make(wallTime(version))
      keep(own)
      underlay.publish(own)
      return own
    },
    hear,
    versionOf: (other) => view.entries.get(other)?.record.version,
  }
}

/** Starts members that end with the test in which they were started, if it does not stop them itself. */
export function members(usual: MemberOptions = {}) {
  const running: Member[] = []
  afterEach(async () => {
    await Promise.all(running.splice(0).map(({ underlay }) => underlay.close()))
  })
  return {
    member: async (letter: number, options: MemberOptions = {}): Promise<Member> => {
      const started = await startMember(letter, { ...usual, ...options })
      running.push(started)
      return started
    },
    stop: async (one: Member): Promise<void> => {
      running.splice(running.indexOf(one), 1)
      await one.underlay.close()
    },
  }
}

/** What a supervisor needs to dial a member. */
export function targetOf(member: Member): { node: NodeId; dialAddresses: readonly string[] } {
  return { node: member.node, dialAddresses: member.underlay.listening }
}

// SPDX-License-Identifier: Apache-2.0
/** Requests and decisions on a host that holds the authority's key. */
import { REPLY_RECORDS_MAX } from '../../../topology/join-reply.ts'
import { encodeNotice } from '../../../topology/notice.ts'
import { sortedEntries, type View } from '../../../topology/view.ts'
import { POLICY_SETTING } from './policy-setting.ts'
import type { Node } from '../../core/state.ts'
import type { QuorumStatus } from '../../core/status.ts'
import { Authority, type AuthorityPowers } from './authority.ts'
import type { AuthorityStore } from './authority-store.ts'
import type { EtcdAccess } from '../state/etcd-config.ts'
import { EtcdAuthorityStore } from './etcd-authority-store.ts'
import { readClock } from '../clock.ts'
import { failureDocument } from '../failure.ts'
import type { Log } from '../log.ts'
import { authoritySigner } from './authority-signer.ts'
import { nodeCrypto } from '../node-crypto.ts'
import { openStore } from './open-store.ts'
import type { StateDir } from '../state/state-dir.ts'

export interface JoinDesk {
  /** For what people want of this authority: done here, whoever of several authorities leads. */
  readonly powers: AuthorityPowers
  answer(request: Uint8Array): Promise<Uint8Array>
  /** What the members must hear: who was revoked, and whose certificate is newer than the one that it shows. */
  notices(view: View): Promise<Uint8Array[]>
  /** Of the store, where several authorities share it. */
  readonly quorum: (() => Promise<QuorumStatus>) | undefined
  close(): void
}

export interface DeskOptions {
  /** Members of the cluster that several authorities share; empty: this host's own file. */
  readonly etcd: EtcdAccess
  readonly log: Log
}

/** Undefined on a host that is no authority. Throws StateFault. */
export function openJoinDesk(
  state: StateDir,
  node: Node,
  { etcd, log }: DeskOptions,
): JoinDesk | undefined {
  const key = state.loadAuthorityKey()
  if (key === undefined) return undefined
  const { network, certificate } = node.config
  const store = openStore(state, { network: network.id, etcd, holder: certificate.name })
  const powers = { network, signer: authoritySigner(key, network), crypto: nodeCrypto, store }
  const shared = store instanceof EtcdAuthorityStore ? store : undefined
  const authority = new Authority(powers)
  return {
    powers: { ...powers, store: shared?.forPeople ?? store },
    answer: async (request) => {
      try {
        const reply = await authority.judge(request, readClock().wall, startingRecords(node.view))
        log.info({ bytes: reply.length }, 'join request answered')
        return reply
      } catch (error) {
        const { code, message } = failureDocument(error).error
        log.info({ code, reason: message }, 'join request not decided here')
        throw error
      }
    },
    notices: (current) => outstandingNotices(store, current),
    quorum: shared && (() => shared.status()),
    close: () => store.close(),
  }
}

async function outstandingNotices(store: AuthorityStore, view: View): Promise<Uint8Array[]> {
  const { policy, revocations, nodes } = await store.look((ledger) => ({
    policy: ledger.setting(POLICY_SETTING),
    revocations: ledger.revocations(),
    nodes: ledger.nodes(),
  }))
  const now = readClock().wall
  return [
    ...(policy === undefined ? [] : [encodeNotice('policy', Buffer.from(policy, 'base64'))]),
    ...revocations
      .filter(({ notAfter, announceAt }) => notAfter > now && announceAt <= now)
      .map(({ envelope }) => encodeNotice('revocation', envelope)),
    ...nodes
      .filter(({ certificate }) => {
        const shown = view.entries.get(certificate.node)?.record.certificate
        return shown !== undefined && shown.serial < certificate.serial
      })
      .map(({ certificateBytes }) => encodeNotice('certificate', certificateBytes)),
  ]
}

/** Whom a new member can dial and ask for its mapping before it knows anybody. */
function startingRecords(view: View): Uint8Array[] {
  return sortedEntries(view)
    .filter(({ record }) => record.present && record.dialAddresses.length > 0)
    .slice(0, REPLY_RECORDS_MAX)
    .map(({ envelope }) => envelope.bytes)
}

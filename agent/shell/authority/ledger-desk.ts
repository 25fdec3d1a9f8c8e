// SPDX-License-Identifier: Apache-2.0
/** The desk where the network's key is: each wish is one transaction of the ledger, and the members hear of it. */
import type { WallTime } from '../../../nat/clock.ts'
import type { NodeId } from '../../../topology/identity.ts'
import { encodeNotice } from '../../../topology/notice.ts'
import type { Bootstrap } from '../../../topology/token.ts'
import { Failure } from '../failure.ts'
import type {
  AdminDesk,
  CreatedToken,
  DecidedNode,
  Decision,
  EditedNode,
  MemberReport,
  NodeReport,
  RevokedNode,
  RevokedToken,
  TokenReport,
  TokenRequest,
} from './admin-desk.ts'
import type { Authority, AuthorityPowers } from './authority.ts'
import { type ChangeFault, editNode, type MemberEdit, revokeNode } from './change-member.ts'
import { everybody, memberReport, timeText, tokenReport } from './ledger-report.ts'
import { candidateMatching, nodeMatching, tokenMatching } from './node-choice.ts'

export interface LedgerDeskOptions {
  readonly powers: AuthorityPowers
  readonly authority: Authority
  readonly wallTime: () => WallTime
  /** Throws Failure if nobody could be dialled. */
  readonly bootstrap: (given: readonly string[]) => readonly Bootstrap[]
  /** Tells the members; false if nobody could now. */
  readonly announce: (notice: Uint8Array) => Promise<boolean>
  readonly isAlive: (node: NodeId) => Promise<boolean>
}

export class LedgerDesk implements AdminDesk {
  readonly #options: LedgerDeskOptions

  constructor(options: LedgerDeskOptions) {
    this.#options = options
  }

  async createToken(request: TokenRequest): Promise<CreatedToken> {
    const { authority, bootstrap: membersOf, wallTime } = this.#options
    const now = wallTime()
    const bootstrap = membersOf(request.bootstrap)
    const created = await authority.createToken({ ...request, bootstrap }, now)
    if (!created.ok)
      throw new Failure('usage', `the token cannot be made (${created.error})`, {
        remedy:
          'give fewer tags and routes, a lifetime of at most a year, and 1m to 15d for an ephemeral host',
        exitCode: 2,
      })
    const { id, text: token } = created.value
    const expires = timeText((now + request.lifetimeMs) as WallTime)
    const addresses = bootstrap.flatMap(({ dialAddresses }) => dialAddresses)
    return { token, id, uses: request.uses, expires, bootstrap: addresses }
  }

  async tokens(): Promise<readonly TokenReport[]> {
    const { powers, wallTime } = this.#options
    const all = await powers.store.look((ledger) => ledger.tokens())
    return all.map((token) => tokenReport(token, wallTime()))
  }

  async revokeToken(id: string): Promise<RevokedToken> {
    const { grant, used } = await this.#options.powers.store.transact((ledger) => {
      const found = tokenMatching(ledger, id)
      ledger.putToken({ ...found, revoked: true })
      return found
    })
    return { id: grant.id, revoked: true, used, uses: grant.uses }
  }

  async nodes(): Promise<readonly NodeReport[]> {
    const { powers, wallTime } = this.#options
    return powers.store.look((ledger) => everybody(ledger, wallTime()))
  }

  async node(name: string): Promise<MemberReport> {
    const { powers, wallTime } = this.#options
    const found = await powers.store.look((ledger) => nodeMatching(ledger, name))
    return memberReport(found, wallTime())
  }

  async editNode(name: string, wanted: MemberEdit): Promise<EditedNode> {
    const { powers, announce, wallTime } = this.#options
    const changed = await powers.store.transact((ledger) => {
      const { certificate } = nodeMatching(ledger, name)
      return editNode(ledger, certificate.node, wanted, this.#changePowers())
    })
    if (!changed.ok) throw failureOf(changed.error, wanted.name ?? name)
    const announced = await announce(encodeNotice('certificate', changed.value.certificateBytes))
    return { ...memberReport(changed.value, wallTime()), announced }
  }

  async revokeNode(name: string): Promise<RevokedNode> {
    const { powers, announce } = this.#options
    const { revoked, token } = await powers.store.transact((ledger) => {
      const { certificate, token: id } = nodeMatching(ledger, name)
      const came = id === null ? undefined : ledger.token(id)
      const outcome = revokeNode(ledger, certificate.node, this.#changePowers())
      return { revoked: outcome, token: came }
    })
    if (!revoked.ok) throw failureOf(revoked.error, name)
    const { name: called, node, notAfter, envelope } = revoked.value
    const announced = await announce(encodeNotice('revocation', envelope))
    const usesLeft = token === undefined || token.revoked ? 0 : token.grant.uses - token.used
    const openToken = token !== undefined && usesLeft > 0 ? { id: token.grant.id, usesLeft } : null
    return { name: called, node, notAfter: timeText(notAfter), announced, openToken }
  }

  async removeNode(name: string): Promise<RevokedNode> {
    const { powers, isAlive } = this.#options
    const { certificate } = await powers.store.look((ledger) => nodeMatching(ledger, name))
    if (!(await isAlive(certificate.node))) return this.revokeNode(certificate.node)
    throw new Failure('is-alive', `${certificate.name} is here`, {
      remedy: `run \`meshgate leave\` there first, or shut it out with \`meshgate node revoke ${certificate.name}\``,
    })
  }

  async decide(name: string, state: Decision): Promise<DecidedNode> {
    const found = await this.#options.powers.store.transact((ledger) => {
      const candidate = candidateMatching(ledger, name)
      ledger.putCandidate({ ...candidate, state })
      return candidate
    })
    return { name: found.name, node: found.node, state }
  }

  #changePowers() {
    const { powers, wallTime } = this.#options
    return { network: powers.network, authority: powers.signer, now: wallTime() }
  }
}

function failureOf(fault: ChangeFault, name: string): Failure {
  switch (fault) {
    case 'no-such-node':
      return new Failure(fault, `no member is called ${name}`, {
        remedy: '`meshgate node list` shows them',
      })
    case 'name-taken':
      return new Failure(fault, `another member is called ${name}`, {
        remedy: 'choose another name',
      })
    case 'holds-the-authority':
      return new Failure(fault, `${name} holds the network's own key`, {
        remedy: 'an authority cannot shut itself out: hand the key to another host first',
      })
  }
}

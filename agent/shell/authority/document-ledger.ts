// SPDX-License-Identifier: Apache-2.0
/**
 * The authority's ledger as JSON documents under keys, whatever keeps them:
 *
 * ```
 * token/ID            grant, proof key, uses           admission/TOKEN/NODE   counted already
 * node/ID             certificate, token               name/NAME, ipv4/IP     whose it is
 * revocation/NODE     envelope                         candidate/NODE         waits for a person
 * lapse/NODE          when an ephemeral member goes    setting/NAME, serial
 * ```
 * A name or an address that another node has is a conflict that throws, never a document that is replaced.
 */
import type { WallTime } from '../../../nat/clock.ts'
import type { TokenId } from '../../../topology/grant.ts'
import { readCertificate } from '../../../topology/certificate-codec.ts'
import type { NodeId } from '../../../topology/identity.ts'
import type {
  AuthorityLedger,
  Candidate,
  StoredNode,
  StoredRevocation,
  StoredToken,
} from './authority-store.ts'
import type { Documents } from './documents.ts'

/** What keys begin with; beside them there is `serial`. */
export const DOCUMENT_FAMILIES = [
  'admission/',
  'candidate/',
  'ipv4/',
  'lapse/',
  'name/',
  'node/',
  'revocation/',
  'setting/',
  'token/',
] as const

/** A document that is not what we write; the store says which file or server it is in. */
export class DamagedDocument extends Error {}

/** Whose an address is, or until when it was somebody's. */
interface AddressUse {
  readonly node: NodeId | null
  readonly until: number
}

export class DocumentLedger implements AuthorityLedger {
  readonly #documents: Documents

  constructor(documents: Documents) {
    this.#documents = documents
  }

  token(id: TokenId): StoredToken | undefined {
    const text = this.#documents.get(`token/${id}`)
    return text === undefined ? undefined : tokenOf(text)
  }

  tokens(): StoredToken[] {
    const tokens = this.#documents.list('token/').map(([, text]) => tokenOf(text))
    return tokens.sort((a, b) => b.createdAt - a.createdAt || (a.grant.id < b.grant.id ? -1 : 1))
  }

  putToken(token: StoredToken): void {
    const stored = { ...token, proofKey: toBase64(token.proofKey) }
    this.#documents.put(`token/${token.grant.id}`, JSON.stringify(stored))
  }

  node(id: NodeId): StoredNode | undefined {
    const text = this.#documents.get(`node/${id}`)
    return text === undefined ? undefined : nodeOf(text)
  }

  nodeNamed(name: string): StoredNode | undefined {
    const id = this.#documents.get(`name/${name}`)
    return id === undefined ? undefined : this.node(id as NodeId)
  }

  nodes(): StoredNode[] {
    const nodes = this.#documents.list('node/').map(([, text]) => nodeOf(text))
    return nodes.sort((a, b) => (a.certificate.name < b.certificate.name ? -1 : 1))
  }

  putNode(node: StoredNode): void {
    const { certificate } = node
    const known = this.node(certificate.node)?.certificate
    if (known !== undefined && known.name !== certificate.name)
      this.#documents.delete(`name/${known.name}`)
    this.#claim(`name/${certificate.name}`, certificate.node)
    this.#putAddress(certificate.ipv4, { node: certificate.node, until: certificate.notAfter })
    const lapse = `lapse/${certificate.node}`
    if (node.awayMs === null) this.#documents.delete(lapse)
    else this.#documents.put(lapse, String(certificate.notAfter))
    this.#writeNode(node)
  }

  dropNode(id: NodeId): void {
    const known = this.node(id)?.certificate
    if (known === undefined) return
    for (const key of [`node/${id}`, `name/${known.name}`, `lapse/${id}`])
      this.#documents.delete(key)
    const retired: AddressUse = { node: null, until: known.notAfter }
    this.#documents.put(`ipv4/${known.ipv4}`, JSON.stringify(retired))
  }

  replaceNode(old: NodeId, node: StoredNode): void {
    const known = this.node(old)?.certificate
    this.dropNode(old)
    if (known !== undefined) this.#documents.delete(`ipv4/${known.ipv4}`)
    this.putNode(node)
  }

  wasAdmitted(token: TokenId, node: NodeId): boolean {
    return this.#documents.get(`admission/${token}/${node}`) !== undefined
  }

  countUse(token: TokenId, node: NodeId): void {
    const known = this.token(token)
    if (known === undefined || this.wasAdmitted(token, node)) return
    this.#documents.put(`admission/${token}/${node}`, '1')
    this.putToken({ ...known, used: known.used + 1 })
  }

  takenIpv4(now: WallTime): ReadonlySet<string> {
    const taken = new Set<string>()
    for (const [key, text] of this.#documents.list('ipv4/')) {
      const { node, until } = read(text) as AddressUse
      if (node !== null || until > now) taken.add(key.slice('ipv4/'.length))
    }
    return taken
  }

  nextSerial(now: WallTime): number {
    const last = Number(this.#documents.get('serial') ?? 0)
    // The clock outruns the counter, so serials grow even if the store is an old copy.
    const next = Math.max(last + 1, Math.floor(now / 1000))
    this.#documents.put('serial', String(next))
    return next
  }

  dropLapsed(now: WallTime): void {
    for (const [key, notAfter] of this.#documents.list('lapse/')) {
      if (Number(notAfter) > now) continue
      const id = key.slice('lapse/'.length) as NodeId
      const known = this.node(id)
      this.dropNode(id)
      if (known !== undefined) this.#documents.delete(`ipv4/${known.certificate.ipv4}`)
    }
  }

  revocation(node: NodeId): StoredRevocation | undefined {
    const text = this.#documents.get(`revocation/${node}`)
    return text === undefined ? undefined : revocationOf(text)
  }

  revocations(): StoredRevocation[] {
    return this.#documents.list('revocation/').map(([, text]) => revocationOf(text))
  }

  putRevocation(revocation: StoredRevocation): void {
    const stored = { ...revocation, envelope: toBase64(revocation.envelope) }
    this.#documents.put(`revocation/${revocation.node}`, JSON.stringify(stored))
  }

  candidate(node: NodeId): Candidate | undefined {
    const text = this.#documents.get(`candidate/${node}`)
    return text === undefined ? undefined : (read(text) as Candidate)
  }

  candidates(): Candidate[] {
    const all = this.#documents.list('candidate/').map(([, text]) => read(text) as Candidate)
    return all.sort((a, b) => a.askedAt - b.askedAt || (a.node < b.node ? -1 : 1))
  }

  putCandidate(candidate: Candidate): void {
    this.#documents.put(`candidate/${candidate.node}`, JSON.stringify(candidate))
  }

  dropCandidate(node: NodeId): void {
    this.#documents.delete(`candidate/${node}`)
  }

  setting(name: string): string | undefined {
    return this.#documents.get(`setting/${name}`)
  }

  putSetting(name: string, value: string): void {
    this.#documents.put(`setting/${name}`, value)
  }

  #writeNode({ certificate, certificateBytes, token, awayMs, askedAt }: StoredNode): void {
    const stored = { certificate: toBase64(certificateBytes), token, awayMs, askedAt }
    this.#documents.put(`node/${certificate.node}`, JSON.stringify(stored))
  }

  #claim(key: string, node: NodeId): void {
    const holder = this.#documents.get(key)
    if (holder !== undefined && holder !== node) throw new Error(`${key} is another node's`)
    this.#documents.put(key, node)
  }

  #putAddress(ipv4: string, use: AddressUse): void {
    const text = this.#documents.get(`ipv4/${ipv4}`)
    const holder = text === undefined ? null : (read(text) as AddressUse).node
    if (holder !== null && holder !== use.node) throw new Error(`${ipv4} is another node's`)
    this.#documents.put(`ipv4/${ipv4}`, JSON.stringify(use))
  }
}

function tokenOf(text: string): StoredToken {
  const stored = read(text) as Omit<StoredToken, 'proofKey'> & { proofKey: string }
  return { ...stored, proofKey: fromBase64(stored.proofKey) }
}

function nodeOf(text: string): StoredNode {
  const stored = read(text) as Omit<StoredNode, 'certificate'> & { certificate: string }
  const { certificate, token, awayMs, askedAt } = stored
  const certificateBytes = fromBase64(certificate)
  const opened = readCertificate(certificateBytes)
  if (!opened.ok) throw new DamagedDocument('a certificate in it cannot be read')
  return { certificate: opened.value, certificateBytes, token, awayMs, askedAt }
}

function revocationOf(text: string): StoredRevocation {
  const stored = read(text) as Omit<StoredRevocation, 'envelope'> & { envelope: string }
  return { ...stored, envelope: fromBase64(stored.envelope) }
}

function read(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new DamagedDocument('a document in it is cut off or altered')
  }
}

function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}

function fromBase64(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'base64'))
}

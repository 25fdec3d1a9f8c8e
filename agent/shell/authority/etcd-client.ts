// SPDX-License-Identifier: Apache-2.0
/**
 * The few calls of etcd that the authority needs, over its JSON gateway (etcd 3.4 and later): no library, no native code, and
 * nothing of it in the memory of hosts that hold no authority.
 */
import { readFileSync } from 'node:fs'
import { http } from '../api/http-module.ts'
import { Failure } from '../failure.ts'
import type { EtcdAccess } from '../state/etcd-config.ts'

const DEADLINE_MS = 2_000
const ANSWER_BYTES_MAX = 64 * 1024 * 1024

export interface EtcdItem {
  readonly key: string
  readonly value: string
  readonly createRevision: string
  readonly modRevision: string
}

/** A condition under which a transaction is made. Revision '0': the key is not there. */
export interface EtcdCondition {
  readonly key: string
  readonly target: 'CREATE' | 'MOD'
  readonly revision: string
}

export interface EtcdWrite {
  readonly key: string
  /** Undefined: removed. */
  readonly value: string | undefined
  /** The lease that the key goes with. */
  readonly lease?: string
}

interface RawItem {
  readonly key: string
  readonly value?: string
  readonly create_revision: string
  readonly mod_revision: string
}

export class EtcdClient {
  readonly #access: EtcdAccess
  readonly #endpoints: string[]

  constructor(access: EtcdAccess) {
    this.#access = access
    this.#endpoints = [...access.endpoints]
  }

  /** All keys that begin so, as of one moment that a quorum agrees on. */
  async list(prefix: string): Promise<EtcdItem[]> {
    const range = { key: encode(prefix), range_end: encode(after(prefix)) }
    const { kvs = [] } = await this.#call<{ kvs?: RawItem[] }>('/v3/kv/range', range)
    return kvs.map(itemOf)
  }

  async get(key: string): Promise<EtcdItem | undefined> {
    const { kvs = [] } = await this.#call<{ kvs?: RawItem[] }>('/v3/kv/range', { key: encode(key) })
    return kvs[0] && itemOf(kvs[0])
  }

  /** All writes or none. The revision at which they were made, or undefined if a condition did not hold. */
  async commit(
    conditions: readonly EtcdCondition[],
    writes: readonly EtcdWrite[],
  ): Promise<string | undefined> {
    const compare = conditions.map(({ key, target, revision }) => ({
      key: encode(key),
      result: 'EQUAL',
      target,
      [target === 'CREATE' ? 'create_revision' : 'mod_revision']: revision,
    }))
    const success = writes.map(({ key, value, lease }) =>
      value === undefined
        ? { request_delete_range: { key: encode(key) } }
        : { request_put: { key: encode(key), value: encode(value), ...(lease && { lease }) } },
    )
    const answer = await this.#call<{ succeeded?: boolean; header: { revision: string } }>(
      '/v3/kv/txn',
      { compare, success },
    )
    return answer.succeeded === true ? answer.header.revision : undefined
  }

  async grantLease(seconds: number): Promise<string> {
    return (await this.#call<{ ID: string }>('/v3/lease/grant', { TTL: seconds })).ID
  }

  /** False if the lease has run out. */
  async keepAlive(lease: string): Promise<boolean> {
    const answer = await this.#call<{ result?: { TTL?: string } }>('/v3/lease/keepalive', {
      ID: lease,
    })
    return Number(answer.result?.TTL ?? 0) > 0
  }

  async revokeLease(lease: string): Promise<void> {
    await this.#call('/v3/lease/revoke', { ID: lease })
  }

  /** Of the members that were configured, those that answer, and whether a quorum of them does. */
  async health(): Promise<{ readonly endpoint: string; readonly healthy: boolean }[]> {
    return Promise.all(
      this.#endpoints.map(async (endpoint) => {
        const asked = this.#post(endpoint, '/v3/kv/range', { key: encode('health') })
        const healthy = await asked.then(
          () => true,
          () => false,
        )
        return { endpoint, healthy }
      }),
    )
  }

  /** Tries the members in turn; the one that answered is asked first the next time. */
  async #call<T>(path: string, body: object): Promise<T> {
    let last: unknown
    for (let tries = 0; tries < this.#endpoints.length; tries++) {
      try {
        return (await this.#post(this.#endpoints[0]!, path, body)) as T
      } catch (error) {
        last = error
        this.#endpoints.push(this.#endpoints.shift()!)
      }
    }
    const { code = '', reason, message = String(last) } = last as TlsFault
    const remedy = /CERT|VERIFY|SSL|TLS/.test(code)
      ? 'see that authority_etcd_ca, authority_etcd_cert and authority_etcd_key are of this cluster'
      : `see that a majority of these runs: ${this.#endpoints.join(', ')}`
    throw new Failure('no-quorum', `etcd does not answer: ${reason ?? message}`, {
      remedy,
      cause: last,
    })
  }

  async #post(endpoint: string, path: string, body: object): Promise<unknown> {
    const url = new URL(path, endpoint)
    return post(url, url.protocol === 'https:' ? tlsOf(this.#access) : undefined, body)
  }
}

/** What Node says of a call that failed; `reason` is OpenSSL's, without where in its sources it was found. */
type TlsFault = Partial<NodeJS.ErrnoException> & { readonly reason?: string }

interface Tls {
  readonly ca?: Buffer
  readonly cert?: Buffer
  readonly key?: Buffer
}

/** Read each time: a certificate that was renewed is used from the next call on. */
function tlsOf({ ca, cert, key }: EtcdAccess): Tls {
  return {
    ...(ca !== undefined && { ca: readFileSync(ca) }),
    ...(cert !== undefined && { cert: readFileSync(cert) }),
    ...(key !== undefined && { key: readFileSync(key) }),
  }
}

/** `tls`: undefined for plain HTTP. */
function post(url: URL, tls: Tls | undefined, body: object): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const text = JSON.stringify(body)
    // Asked for in this way for the reason of http-module.ts.
    const { request } = tls === undefined ? http : process.getBuiltinModule('node:https')
    const call = request(url, {
      ...tls,
      method: 'POST',
      headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) },
      signal: AbortSignal.timeout(DEADLINE_MS),
    })
    call.once('error', reject)
    call.once('response', (response) => {
      const chunks: Buffer[] = []
      let bytes = 0
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length
        if (bytes > ANSWER_BYTES_MAX) call.destroy(new Error('the answer is too large'))
        else chunks.push(chunk)
      })
      response.once('error', reject)
      response.once('end', () => {
        const answer = Buffer.concat(chunks).toString('utf8')
        if (response.statusCode !== 200) return reject(new Error(answer.slice(0, 200)))
        try {
          resolve(JSON.parse(answer))
        } catch (error) {
          reject(new Error('the answer is not JSON', { cause: error }))
        }
      })
    })
    call.end(text)
  })
}

function itemOf(raw: RawItem): EtcdItem {
  return {
    key: decode(raw.key),
    value: decode(raw.value ?? ''),
    createRevision: raw.create_revision,
    modRevision: raw.mod_revision,
  }
}

/** The first key behind all that begin so. */
function after(prefix: string): string {
  return prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1)
}

function encode(text: string): string {
  return Buffer.from(text, 'utf8').toString('base64')
}

function decode(text: string): string {
  return Buffer.from(text, 'base64').toString('utf8')
}

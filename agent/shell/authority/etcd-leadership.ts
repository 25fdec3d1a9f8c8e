// SPDX-License-Identifier: Apache-2.0
/**
 * Which of several authorities decides: the one whose name the leader's key holds, which goes with a lease. The revision at
 * which the key was made is the fencing token of that lead.
 */
import { Failure } from '../failure.ts'
import type { EtcdClient } from './etcd-client.ts'

/** A leader that dies is missed for so long; one that is alive says so three times in it. */
const LEASE_S = 5
const KEEP_ALIVE_MS = (LEASE_S * 1_000) / 3

/** Others that come and go while the lead is taken from them, before we give up. */
const ATTEMPTS_MAX = 8

interface Lead {
  readonly lease: string
  readonly token: string
}

export class EtcdLeadership {
  readonly #client: EtcdClient
  readonly key: string
  readonly #holder: string
  #held: Lead | undefined
  #timer: NodeJS.Timeout | undefined

  /** `holder`: tells authorities apart for a person. */
  constructor(client: EtcdClient, key: string, holder: string) {
    this.#client = client
    this.key = key
    this.#holder = holder
  }

  /** As far as we know: only a commit that names the token tells. */
  get isHeld(): boolean {
    return this.#held !== undefined
  }

  async leader(): Promise<string | undefined> {
    return (await this.#client.get(this.key))?.value
  }

  /** The fencing token, and whether it is a new one. Throws Failure `not-the-leader` unless `takesOver`, and `no-quorum`. */
  async take(takesOver: boolean): Promise<{ readonly token: string; readonly isNew: boolean }> {
    if (this.#held !== undefined) return { token: this.#held.token, isNew: false }
    const lease = await this.#client.grantLease(LEASE_S)
    const token = await this.#compete(lease, takesOver)
    if (token === undefined) {
      void this.#client.revokeLease(lease).catch(() => undefined)
      throw new Failure(
        'not-the-leader',
        `${(await this.leader()) ?? 'another authority'} decides now`,
        { remedy: 'ask that one; this host takes over within seconds if it dies' },
      )
    }
    this.#held = { lease, token }
    clearInterval(this.#timer)
    this.#timer = setInterval(() => void this.#keep(lease), KEEP_ALIVE_MS)
    this.#timer.unref()
    return { token, isNew: true }
  }

  /** Lets go of the lease too: while it is kept, nobody could lead. */
  resign(): void {
    clearInterval(this.#timer)
    const held = this.#held
    this.#held = undefined
    if (held !== undefined) void this.#client.revokeLease(held.lease).catch(() => undefined)
  }

  /** After a commit that was refused: the lead may be somebody else's. */
  async resignUnlessLeading(token: string): Promise<void> {
    const leader = await this.#client.get(this.key)
    if (leader?.createRevision !== token) this.resign()
  }

  /** Undefined where somebody else has the lead. */
  async #compete(lease: string, takesOver: boolean): Promise<string | undefined> {
    const { key } = this
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const taken = await this.#client.commit(
        [{ key, target: 'CREATE', revision: '0' }],
        [{ key, value: this.#holder, lease }],
      )
      if (taken !== undefined || !takesOver) return taken
      const leader = await this.#client.get(key)
      if (leader === undefined) continue
      // What the one before has not committed yet names its key, and fails from here on.
      const condition = { key, target: 'CREATE', revision: leader.createRevision } as const
      await this.#client.commit([condition], [{ key, value: undefined }])
    }
    return undefined
  }

  async #keep(lease: string): Promise<void> {
    const lives = await this.#client.keepAlive(lease).catch(() => true)
    // If etcd is away the lease runs out there, and the next commit tells.
    if (!lives && this.#held?.lease === lease) this.resign()
  }
}

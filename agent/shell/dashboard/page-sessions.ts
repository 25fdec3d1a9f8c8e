// SPDX-License-Identifier: Apache-2.0
/** Who may use the page: a link that works once and not for long, exchanged for a session that ends by itself. */
import { type Instant, instant } from '../../../nat/clock.ts'
import type { Entropy } from '../../../nat/entropy.ts'
import { toHex } from '../../../nat/hex.ts'

export const LINK_LIFETIME_MS = 60_000
/** Since it was last used. */
export const SESSION_IDLE_MS = 30 * 60_000
const SESSION_LIFETIME_MS = 12 * 3_600_000
const SECRET_BYTES = 32
const LINKS_MAX = 8
const SESSIONS_MAX = 16

interface Session {
  readonly endsAt: Instant
  idleAt: Instant
}

export interface PageSessionsOptions {
  readonly randomBytes: Entropy
  readonly now: () => Instant
}

/** Secrets are looked up by their text: 256 random bits leave nothing to be learned from the time that takes. */
export class PageSessions {
  readonly #options: PageSessionsOptions
  readonly #links = new Map<string, Instant>()
  readonly #sessions = new Map<string, Session>()

  constructor(options: PageSessionsOptions) {
    this.#options = options
  }

  /** A secret for one login. The oldest unused ones give way. */
  issueLink(): string {
    const link = this.#secret()
    this.#links.set(link, instant(this.#options.now() + LINK_LIFETIME_MS))
    keepNewest(this.#links, LINKS_MAX)
    return link
  }

  /** The session's secret; undefined for a link that is unknown, used or too old. */
  open(link: string): string | undefined {
    const validUntil = this.#links.get(link)
    this.#links.delete(link)
    const now = this.#options.now()
    if (validUntil === undefined || now >= validUntil) return undefined
    const session = this.#secret()
    const endsAt = instant(now + SESSION_LIFETIME_MS)
    this.#sessions.set(session, { endsAt, idleAt: instant(now + SESSION_IDLE_MS) })
    keepNewest(this.#sessions, SESSIONS_MAX)
    return session
  }

  /** Whether it is a session's secret; using it keeps it. */
  admits(secret: string): boolean {
    const session = this.#sessions.get(secret)
    if (session === undefined) return false
    const now = this.#options.now()
    if (now >= session.endsAt || now >= session.idleAt) {
      this.#sessions.delete(secret)
      return false
    }
    session.idleAt = instant(now + SESSION_IDLE_MS)
    return true
  }

  close(secret: string): void {
    this.#sessions.delete(secret)
  }

  #secret(): string {
    return toHex(this.#options.randomBytes(SECRET_BYTES))
  }
}

function keepNewest(map: Map<string, unknown>, max: number): void {
  for (const oldest of map.keys()) {
    if (map.size <= max) return
    map.delete(oldest)
  }
}

// SPDX-License-Identifier: Apache-2.0
/**
 * Links to members over their addresses in the mesh, while no other link stands: when every member that can be dialled is gone
 * for good, tunnels still stand, and what is new still travels. They ride the tunnels that the control plane repairs, so any
 * other link is better: such links go on being dialled, and these end once one of them stands.
 */
import { Supervisor, type SupervisorOptions, type SupervisorTarget } from './supervisor.ts'

/** A member that restarts is back within this; and tunnels come and go, so targets are looked at anew. */
const LOOK_MS = 1_000
/** Members at the other end may still need theirs, and dial anew if so. */
const LINGER_MS = 5_000

export interface MeshLinksOptions extends SupervisorOptions {
  /** Whether any link stands that does not ride a tunnel. */
  hasOther(): boolean
  /** Members to which a tunnel stands. */
  targets(): readonly SupervisorTarget[]
  /** Ends the links that this side has made. */
  hangUp(): void
}

export class MeshLinks {
  readonly #options: MeshLinksOptions
  readonly #supervisor: Supervisor
  #looking: NodeJS.Timeout | undefined
  #lingering: NodeJS.Timeout | undefined

  constructor(options: MeshLinksOptions) {
    this.#options = options
    this.#supervisor = new Supervisor(options)
  }

  /** A link came or went. */
  notice(): void {
    if (this.#options.hasOther()) return this.#rest()
    clearTimeout(this.#lingering)
    this.#lingering = undefined
    this.#looking ??= setInterval(
      () => this.#supervisor.setTargets(this.#options.targets()),
      LOOK_MS,
    ).unref()
  }

  close(): void {
    this.#rest()
    clearTimeout(this.#lingering)
    this.#supervisor.close()
  }

  #rest(): void {
    if (this.#looking === undefined) return
    clearInterval(this.#looking)
    this.#looking = undefined
    this.#supervisor.setTargets([])
    this.#lingering = setTimeout(() => this.#options.hangUp(), LINGER_MS).unref()
  }
}

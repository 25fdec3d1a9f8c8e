// SPDX-License-Identifier: Apache-2.0
/** Names in the helper's documents, see helper-contract.ts. */

/** The mesh's own names, for this host to resolve. */
export interface DesiredNames {
  /** `home.mesh` */
  readonly zone: string
  /** Each name once; at most 4,097. */
  readonly hosts: readonly { readonly name: string; readonly addresses: readonly string[] }[]
}

/** How this host resolves the mesh's names. */
export interface HelperNames {
  readonly zone: string
  /** How the host's resolver was told: `systemd-resolved`, `resolvconf` or `file`; null while it was not. */
  readonly wiring: string | null
  /** Why names do not resolve; null while they do. */
  readonly problem: string | null
}

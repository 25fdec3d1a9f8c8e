// SPDX-License-Identifier: Apache-2.0
/** Who may reach this host over the mesh, as the helper is told. */
export interface DesiredFirewall {
  readonly allow: readonly DesiredAdmission[]
}

export interface DesiredAdmission {
  /** Addresses in the mesh. */
  readonly from: readonly string[]
  readonly protocol: 'any' | 'tcp' | 'udp' | 'icmp'
  /** First and last port of each range; empty: all. */
  readonly ports: readonly (readonly [number, number])[]
}

// SPDX-License-Identifier: Apache-2.0
/**
 * What is between this host and the internet, in the words of RFC 4787 section 4 and RFC 5780.
 */
export type MappingBehaviour =
  | 'unknown'
  | 'none'
  | 'endpoint-independent'
  | 'address-dependent'
  | 'address-and-port-dependent'
  | 'udp-blocked'

export type FilteringBehaviour =
  | 'unknown'
  | 'endpoint-independent'
  | 'address-dependent'
  | 'address-and-port-dependent'

export interface NatBehaviour {
  readonly mapping: MappingBehaviour
  readonly filtering: FilteringBehaviour
}

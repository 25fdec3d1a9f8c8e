// SPDX-License-Identifier: Apache-2.0
/** The device in the helper's documents, see helper-contract.ts. */

export interface DesiredDevice {
  /** An interface name, at most 15 bytes. */
  readonly name: string
  /** 576..65535, at least 1280 if an IPv6 address is given. */
  readonly mtu: number
  /** The one UDP port; 0: the kernel chooses, and keeps it until the device goes. */
  readonly listenPort: number
  /** WireGuard private key, base64. */
  readonly privateKey: string
  /** X25519 private key for probes, base64. */
  readonly probeKey: string
  /** CIDR, as on an interface: `10.7.0.1/16`. */
  readonly addresses: readonly string[]
  readonly stunServer: boolean
  /** Forward frames for others. */
  readonly relay: boolean
}

export interface HelperDevice {
  readonly name: string
  readonly index: number
  readonly mtu: number
  readonly listenPort: number
  readonly publicKey: string
  readonly addresses: readonly string[]
  readonly stunServer: boolean
  readonly relay: boolean
}

// SPDX-License-Identifier: Apache-2.0
/** The text form of a libp2p multiaddr for TCP, without /p2p: `/ip4/203.0.113.7/tcp/41820`. */
export function dialAddress(ip: string, port: number): string {
  return `/${ip.includes(':') ? 'ip6' : 'ip4'}/${ip}/tcp/${port}`
}

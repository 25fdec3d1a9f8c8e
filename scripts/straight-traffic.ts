// SPDX-License-Identifier: Apache-2.0
import { isIPv6 } from 'node:net'
import type { Member } from '../netns-lab/member.ts'

/** Bytes of WireGuard's messages from one peer to a member. */
export interface StraightTraffic {
  /** What the member's WireGuard has taken in, each message once. */
  readonly taken: number
  /** What has come from the peer's own address, copies included. */
  readonly straight: number
}

const TABLE = 'inet straight'
const UDP_HEADER = 8
const IPV4_HEADER = 20
const IPV6_HEADER = 40

/**
 * Tells whether what a member took in of a peer's could all have come straight. A packet seen at a relay tells
 * nothing of that: while a path is in doubt packets leave twice, over a relay as well, and WireGuard drops the
 * second copy.
 */
export async function watchStraightTraffic(
  member: Member,
  peer: string,
): Promise<() => Promise<StraightTraffic>> {
  const { addresses, path } = await member.peer(peer)
  if (path.kind !== 'direct' || path.endpoint === null)
    throw new Error(`${member.name} reaches ${peer} by ${path.kind}`)
  const { hostname } = new URL(`udp://${path.endpoint}`)
  const address = hostname.replaceAll(/[[\]]/g, '')
  const family = isIPv6(address) ? 'ip6' : 'ip'
  // A helper hands to the kernel's WireGuard on the loopback interface, in the straight address's name, what a relay has brought.
  const rule = `iifname != "lo" ${family} saddr ${address} meta l4proto udp @th,64,32 { 0x01000000, 0x02000000, 0x03000000, 0x04000000 } counter`
  await member.host.run([
    'nft',
    `add table ${TABLE}; add chain ${TABLE} in { type filter hook prerouting priority -400; }; add rule ${TABLE} in ${rule}`,
  ])
  const before = await takenFrom(member, addresses)
  return async () => {
    // In this order nothing is taken in that could not have been counted.
    const taken = (await takenFrom(member, addresses)) - before
    const { packets, bytes } = await counted(member)
    await member.host.run(['nft', `delete table ${TABLE}`])
    // Packets that travel as one have one header.
    const header = UDP_HEADER + (family === 'ip6' ? IPV6_HEADER : IPV4_HEADER)
    return { taken, straight: bytes - packets * header }
  }
}

/** By WireGuard's own account, in bytes. */
async function takenFrom(member: Member, addresses: readonly string[]): Promise<number> {
  const rows = async (what: string) =>
    (await member.host.run(['wg', 'show', 'all', what])).split('\n').map((row) => row.split(/\s+/))
  const owner = (await rows('allowed-ips')).find((row) =>
    row.some((prefix) => addresses.includes(prefix.split('/')[0] ?? '')),
  )
  const transfer = (await rows('transfer')).find((row) => row[1] === owner?.[1])
  if (owner === undefined || transfer === undefined)
    throw new Error(`${member.name}: wg knows nobody at ${addresses.join(', ')}`)
  return Number(transfer[2])
}

interface Counter {
  readonly packets: number
  readonly bytes: number
}

async function counted(member: Member): Promise<Counter> {
  const text = await member.host.run(['nft', '-j', 'list', 'chain', ...TABLE.split(' '), 'in'])
  const { nftables } = JSON.parse(text) as {
    nftables: readonly { rule?: { expr: readonly { counter?: Counter }[] } }[]
  }
  const counter = nftables
    .flatMap(({ rule }) => rule?.expr ?? [])
    .find((part) => part.counter !== undefined)?.counter
  if (counter === undefined) throw new Error(`no counter in ${text}`)
  return counter
}

// SPDX-License-Identifier: Apache-2.0
import { networkInterfaces } from 'node:os'
import { addressScope } from '../../../nat/address-scope.ts'
import { type TransportAddress, transportAddress } from '../../../nat/address.ts'
import type { WallTime } from '../../../nat/clock.ts'
import { dialAddress } from '../../../topology/dial-address.ts'
import type { NodeRecord } from '../../../topology/record.ts'
import { verifyRecord } from '../../../topology/record-codec.ts'
import type { Bootstrap } from '../../../topology/token.ts'
import { Failure } from '../failure.ts'
import { nodeCrypto } from '../node-crypto.ts'
import type { Membership, StateDir } from '../state/state-dir.ts'
import type { Config } from '../state/config.ts'
import { parseHostAddress, usage } from '../cli/option-values.ts'

export interface BootstrapSources {
  readonly config: Pick<Config, 'advertise' | 'listenPort' | 'tcpPort'>
  readonly state: StateDir
  readonly membership: Pick<Membership, 'network' | 'certificate'>
  /** Addresses of this host that were given on the command line; they stand before all others. */
  readonly given: readonly string[]
  readonly now: WallTime
}

interface HostAddress {
  readonly ip: string
  readonly port: number | undefined
}

/**
 * Where a joining host may knock: first this host (as given, as configured, as it last said of
 * itself), then other members that can be dialled.
 */
export function bootstrapMembers(sources: BootstrapSources): Bootstrap[] {
  const { state, membership, now } = sources
  const nodeId = membership.certificate.node
  const records = state
    .loadRecords()
    .map((bytes) => verifyRecord(bytes, membership.network, nodeCrypto, now))
    .flatMap((record) => (record.ok ? [record.value] : []))
  const own = records.find(({ certificate }) => certificate.node === nodeId)
  const members = [
    ownBootstrap(sources, own),
    ...records.filter((record) => record !== own && record.present).map(bootstrapOf),
  ].filter(({ dialAddresses }) => dialAddresses.length > 0)
  if (members.length > 0) return members
  throw new Failure('no-bootstrap', 'nobody knows yet where a joining host could reach this one', {
    remedy:
      'run the agent first, or give an address: --bootstrap 203.0.113.7 (or `advertise` in the configuration)',
  })
}

function ownBootstrap(sources: BootstrapSources, own: NodeRecord | undefined): Bootstrap {
  const { state, membership, given, config } = sources
  const udpPort = config.listenPort ?? state.loadOrMakeKeys().listenPort
  const tcpPort = config.tcpPort ?? udpPort
  const multiaddrs = given.filter((text) => text.startsWith('/')).map(checkMultiaddr)
  const hosts: HostAddress[] = [
    ...given
      .filter((text) => !text.startsWith('/'))
      .map((text) => parseHostAddress('--bootstrap', text)),
    ...config.advertise,
  ]
  // Before the agent has first run nobody has looked, but a public address of a link is a good guess.
  if (hosts.length === 0 && own === undefined) hosts.push(...publicAddresses())
  return {
    nodeId: membership.certificate.node,
    dialAddresses: unique([
      ...multiaddrs,
      ...hosts.map(({ ip, port }) => dialAddress(ip, port ?? tcpPort)),
      ...(own?.dialAddresses ?? []),
    ]),
    stunServers: unique([
      ...hosts.flatMap(({ ip, port }) => stunServerOf(ip, port ?? udpPort)),
      ...(own?.stunServers ?? []),
    ]),
  }
}

function publicAddresses(): HostAddress[] {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ address }) => addressScope(address) === 'global')
    .map(({ address }) => ({ ip: address, port: undefined }))
}

function bootstrapOf({ certificate, dialAddresses, stunServers }: NodeRecord): Bootstrap {
  return { nodeId: certificate.node, dialAddresses, stunServers }
}

function stunServerOf(ip: string, port: number): TransportAddress[] {
  const address = transportAddress(ip, port)
  return address.ok ? [address.value] : []
}

function checkMultiaddr(text: string): string {
  if (/^\/(ip4|ip6|dns4|dns6|dns)\/[\w.:-]+\/tcp\/[0-9]{1,5}$/.test(text)) return text
  throw usage(`--bootstrap ${text} is not an address`, 'write /ip4/203.0.113.7/tcp/41820')
}

function unique<T>(items: readonly T[]): T[] {
  return [...new Set(items)]
}

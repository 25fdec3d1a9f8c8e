// SPDX-License-Identifier: Apache-2.0
/** What the core is told at its start: keys and membership from the disk, the rest from the configuration file. */
import { transportAddress, type TransportAddress } from '../../nat/address.ts'
import { toHex } from '../../nat/hex.ts'
import type { NodeConfig, Settings } from '../core/config.ts'
import type { Config } from './state/config.ts'
import type { Membership, NodeKeys } from './state/state-dir.ts'

export function nodeConfigOf(
  keys: NodeKeys,
  membership: Membership,
  config: Config,
  lastOwnVersion: number,
): NodeConfig {
  const listenPort = config.listenPort ?? keys.listenPort
  return {
    ...membership,
    keys: {
      wireguardPrivateKey: toHex(keys.wireguardKey),
      probePrivateKey: toHex(keys.probeKey),
    },
    interfaceName: config.interface,
    listenPort,
    dialPort: config.tcpPort ?? listenPort,
    ...settingsOf(config, listenPort),
    lastOwnVersion,
  }
}

/** What holds at once when the file is read again. `listenPort`: the one that is in use. */
export function settingsOf(config: Config, listenPort: number): Settings {
  return {
    mtu: config.mtu,
    advertise: config.advertise.flatMap(({ ip, port }) => addressOf(ip, port ?? listenPort)),
    stunServers: config.stunServers,
    turn: config.turn,
    stunServer: config.stunServer,
    relay: config.relay,
    birthdaySearch: config.birthdaySearch,
    portMapping: config.portMapping,
    redundancy: config.redundancy,
    names: config.names,
    isExcludedInterface: (name) => config.excludeInterfaces.some((glob) => matches(glob, name)),
  }
}

function addressOf(ip: string, port: number): TransportAddress[] {
  const address = transportAddress(ip, port)
  return address.ok ? [address.value] : []
}

/** Shell-style: `*` stands for any characters. */
function matches(glob: string, name: string): boolean {
  const pattern = glob.split('*').map((part) => part.replace(/[^\w-]/g, '\\$&'))
  return new RegExp(`^${pattern.join('.*')}$`).test(name)
}

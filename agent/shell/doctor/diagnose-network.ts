// SPDX-License-Identifier: Apache-2.0
/** What a running agent knows of its helper, its network and its peers, as findings. */
import { answeringOf } from '../../core/authority-quorum.ts'
import type { Netcheck } from '../../core/netcheck.ts'
import type { PeerStatus, SelfStatus, Status } from '../../core/status.ts'
import type { Finding } from './finding.ts'

const LOSS_PCT_MAX = 5

export function diagnoseSelf({ status, netcheck }: { status: Status; netcheck: Netcheck }) {
  const { self } = status
  return [
    helper(self),
    ...uplinks(self),
    internet(netcheck),
    nat(netcheck),
    gossip(status),
    names(self),
    ...sharedStore(self),
    ...self.turnServers.map(({ id, state, detail, cause }) =>
      state === 'failed'
        ? finding('turn', 'look', `TURN server ${id}: ${detail ?? cause ?? state}`, TURN_REMEDY)
        : finding('turn', 'good', `TURN server ${id} is ${state}`),
    ),
  ]
}

export function diagnosePeers({ peers }: Status): Finding[] {
  if (peers.length === 0) return []
  const troubled = peers.flatMap(peerFindings)
  return troubled.length > 0 ? troubled : [finding('peers', 'good', allWell(peers))]
}

const NAMES_REMEDY =
  'it is tried again all the time; addresses work meanwhile, and `names = false` leaves the resolver alone'
const LACKS_NFTABLES = /no nftables/
const NFTABLES_REMEDY = 'load it: modprobe nf_tables; in a container, on its host'
const TURN_REMEDY = 'check its address and password in the configuration'

function finding(check: string, verdict: Finding['verdict'], found: string, remedy = ''): Finding {
  return { check, verdict, found, remedy }
}

function helper({ helper: { connected, engine, engineReason, problem } }: SelfStatus): Finding {
  if (!connected)
    return finding(
      'helper',
      'bad',
      `no helper: ${problem ?? 'not connected'}; no packet goes through`,
      'systemctl start meshgate-helper, and see its log: journalctl -u meshgate-helper',
    )
  if (problem !== null)
    return finding('helper', 'bad', `the helper says: ${problem}`, remedyOf(problem))
  return finding(
    'helper',
    'good',
    `connected, engine ${engine ?? 'unknown'}: ${engineReason ?? 'no reason known'}`,
  )
}

function uplinks({ spareUplinks }: SelfStatus): Finding[] {
  if (spareUplinks.length === 0) return []
  return [finding('uplinks', 'good', `more than one: also from ${spareUplinks.join(', ')}`)]
}

function remedyOf(problem: string): string {
  if (LACKS_NFTABLES.test(problem)) return NFTABLES_REMEDY
  if (/port|address already in use/i.test(problem))
    return 'another program has the UDP port: `ss -ulpn` names it; or choose another listen_port'
  if (/name|exists/i.test(problem))
    return 'another program has the interface name: choose another `interface` in the configuration'
  return 'see its log: journalctl -u meshgate-helper'
}

/** Null: switched off, or not told of yet. */
function names({ names: resolved }: SelfStatus): Finding {
  if (resolved === null) return finding('names', 'good', 'names of the mesh are not resolved here')
  const { zone, wiring, problem } = resolved
  if (problem === null)
    return finding('names', 'good', `*.${zone} resolves${wiring === null ? '' : `, by ${wiring}`}`)
  return finding(
    'names',
    'look',
    `names of the mesh do not resolve: ${problem}`,
    LACKS_NFTABLES.test(problem) ? `${NFTABLES_REMEDY}; ${NAMES_REMEDY}` : NAMES_REMEDY,
  )
}

/** Of an authority that shares its ledger with others. */
function sharedStore({ authorityQuorum: store }: SelfStatus): Finding[] {
  if (store === null) return []
  const check = 'authority'
  const members = `${answeringOf(store.members)} of ${store.members.length} members of etcd answer`
  if (!store.quorum)
    return [
      finding(
        check,
        'bad',
        `${members}: nobody is admitted and no certificate renewed`,
        'start the others; the network runs on meanwhile',
      ),
    ]
  if (store.ledgerLost)
    return [
      finding(
        check,
        'bad',
        'the etcd cluster holds no ledger of this network',
        'see that authority_etcd names the right cluster; else `meshgate authority restore FILE`, with a backup',
      ),
    ]
  return [finding(check, 'good', `${store.leader ?? 'nobody yet'} decides, ${members}`)]
}

function internet({ ipv4, ipv6, stunServers }: Netcheck): Finding {
  const check = 'internet'
  if (ipv4.local.length + ipv6.local.length === 0)
    return finding(check, 'bad', 'this host has no usable address', 'connect it: `ip address`')
  if (stunServers.length === 0)
    return finding(check, 'good', 'no STUN server is known: nothing to ask')
  if (stunServers.some(({ answered }) => answered))
    return finding(check, 'good', 'STUN servers answer: UDP gets out and back')
  return finding(
    check,
    'look',
    `none of ${stunServers.length} STUN servers answers: UDP seems to be blocked`,
    'let UDP out in the firewall; until then traffic goes over a relay, or over [[turn]] with TCP',
  )
}

function nat({ nat: { mapping }, evidence, whyNoPortMapping }: Netcheck): Finding {
  const isHard = mapping !== 'endpoint-independent' && mapping !== 'none' && mapping !== 'unknown'
  if (!isHard) return finding('nat', 'good', evidence)
  const why = whyNoPortMapping === null ? '' : ` (${whyNoPortMapping})`
  const remedy = `forward the UDP port on the router, or switch on UPnP, NAT-PMP or PCP there${why}`
  return finding('nat', 'look', `hard to punch through: ${evidence}`, remedy)
}

function gossip({ self, peers }: Status): Finding {
  if (peers.length === 0) return finding('gossip', 'good', 'no other member yet')
  if (self.neighbours.length > 0)
    return finding('gossip', 'good', `linked to ${self.neighbours.join(', ')}`)
  return finding(
    'gossip',
    'bad',
    'no link to any member: no news comes in',
    'a member that can be dialled must be up, with its TCP port let in by its firewall',
  )
}

function peerFindings({ name, path, liveness, why }: PeerStatus): Finding[] {
  const check = `peer ${name}`
  const more = `\`meshgate why ${name}\` says more`
  if (liveness === 'left') return []
  if (path.kind === 'none') return [finding(check, 'bad', `not reached: ${why}`, more)]
  const found: Finding[] = []
  if (path.kind !== 'direct') found.push(finding(check, 'look', why, more))
  if ((path.lossPct ?? 0) > LOSS_PCT_MAX) {
    const sentence = `${path.lossPct}% of packets are lost on the way`
    found.push(
      finding(check, 'look', sentence, 'look at the link: `meshgate ping` while it is bad'),
    )
  }
  return found
}

function allWell(peers: readonly PeerStatus[]): string {
  return peers.length === 1 ? 'the one peer is direct' : `all ${peers.length} peers are direct`
}

// SPDX-License-Identifier: Apache-2.0
/** An agent's answers about a mesh of any size in which everything moves: each time that it is asked, all figures are others. */
import type { EventEntry } from '../../agent/core/event-log.ts'
import type { PathStatus, PeerStatus, SelfStatus, Status, Why } from '../../agent/core/status.ts'
import type { AgentApi } from '../../agent/shell/api/agent-api.ts'
import type { Sample } from '../../agent/shell/telemetry/sample-history.ts'

const NAT = { mapping: 'endpoint-independent', filtering: 'unknown', lifetimeMs: 120_000 } as const
const HISTORY = 300
/** One member in so many is a hub; one in so many others is relayed, and another one at each answer. */
const HUB_EVERY = 20
const RELAYED_EVERY = 7
/** Events a second for each member. */
const EVENT_EVERY_MS = 4_000

/** As much of the local API as the page asks a host for that does not hold the network's key. */
export function largeMesh(size: number): AgentApi {
  let asked = 0
  const api: Partial<AgentApi> = {
    status: async () => meshAt(size, ++asked),
    why: async (name) => whyOf(meshAt(size, asked).peers.find((peer) => peer.name === name)),
    history: async () => Array.from({ length: HISTORY }, (_, index) => sampleAt(index + asked)),
    hub: async () => ({ relays: true, prefixes: [], draining: false, users: [], frames: 0 }),
    followEvents: (gone) => eventsOf(size, gone),
  }
  return api as AgentApi
}

function meshAt(size: number, time: number): Status {
  return { self, peers: Array.from({ length: size }, (_, index) => peerAt(index, time)) }
}

/** Between 0 and 1, the same for the same two numbers. */
function wave(a: number, b: number): number {
  return (Math.sin(a * 12.9898 + b * 78.233) + 1) / 2
}

const nameOf = (index: number) => `node-${index}`

function pathAt(index: number, time: number, hub: boolean): PathStatus {
  const relayed = !hub && (index + time) % RELAYED_EVERY === 0
  return {
    kind: relayed ? 'relay' : 'direct',
    via: relayed ? nameOf(0) : null,
    hubServer: null,
    endpoint: `203.0.113.${index % 250}:51820`,
    rttMs: Math.round(wave(index, time) * 4_000) / 10,
    lossPct: Math.round(wave(time, index) * 60) / 10,
  }
}

function peerAt(index: number, time: number): PeerStatus {
  const hub = index % HUB_EVERY === 0
  const path = pathAt(index, time, hub)
  return {
    name: nameOf(index),
    nodeId: (index + 1).toString(16).padStart(64, '0'),
    addresses: [`10.7.${index >> 8}.${index & 255}`, `fd00::${index.toString(16)}`],
    tags: ['web', 'rack-1'],
    liveness: 'alive',
    hub,
    homeHubs: hub ? [] : [nameOf(0)],
    path,
    backups: [pathAt(index, time + 1, hub)],
    lastSwitch: null,
    switches: time,
    switchCauses: {},
    why: `${path.kind}: the best of two paths that answer`,
    nat: NAT,
    mtu: 1_420,
    rxBytes: time * 1_000_003 * (index + 1),
    txBytes: time * 700_001 * (index + 1),
    lastHandshakeMs: 1_000,
    sessionRttMs: path.rttMs,
  }
}

const self: SelfStatus = {
  name: 'here',
  nodeId: 'f'.repeat(64),
  network: 'large',
  networkId: 'e'.repeat(64),
  addresses: ['10.7.255.1', 'fd00::ffff'],
  tags: [],
  interface: 'meshgate0',
  listenPort: 51_820,
  nat: { ...NAT, mapped: ['198.51.100.1:51820'], portMapping: null, whyNoPortMapping: null },
  spareUplinks: [],
  turnServers: [],
  names: null,
  dialAddresses: [],
  authority: false,
  authorityQuorum: null,
  certificateNotAfter: '2027-01-01T00:00:00.000Z',
  partition: null,
  clock: null,
  twinSince: null,
  membership: 'valid',
  helper: {
    connected: true,
    engine: 'userspace',
    restored: null,
    takeover: null,
    engineReason: null,
    problem: null,
  },
  neighbours: [nameOf(0)],
}

function whyOf(peer: PeerStatus | undefined): Why | undefined {
  if (peer === undefined) return undefined
  const side = { nat: NAT, evidence: null, candidates: [], hubs: [], relay: false }
  return {
    peer: peer.name,
    nodeId: peer.nodeId,
    sentence: peer.why,
    path: peer.path,
    backups: peer.backups,
    self: { name: 'here', ...side },
    other: { name: peer.name, ...side },
    attempts: [],
    search: null,
    obstacle: null,
    remedies: [],
    policy: null,
    nextRoundMs: null,
    otherAttempts: null,
    otherPath: null,
    otherSentence: null,
    unanswered: null,
  }
}

function sampleAt(index: number): Sample {
  const rttMs = Math.round(wave(index, 1) * 400) / 10
  return { rttMs, lossPct: wave(index, 2) * 3, rxBytes: index, txBytes: index, kind: 'direct' }
}

async function* eventsOf(size: number, gone: AbortSignal): AsyncGenerator<EventEntry> {
  for (let sequence = 1; !gone.aborted; sequence++) {
    yield {
      sequence,
      time: new Date().toISOString(),
      kind: 'path-proven',
      peer: nameOf(sequence % size),
      path: 'direct 203.0.113.9:51820',
      rttMs: Math.round(wave(sequence, 3) * 400) / 10,
      sinceMs: sequence,
    }
    await new Promise((resolve) => setTimeout(resolve, EVENT_EVERY_MS / size))
  }
}

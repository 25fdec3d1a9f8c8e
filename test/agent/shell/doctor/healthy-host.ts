// SPDX-License-Identifier: Apache-2.0
import type { Netcheck } from '../../../../agent/core/netcheck.ts'
import type { PeerStatus, SelfStatus } from '../../../../agent/core/status.ts'
import type { Facts, StateFacts } from '../../../../agent/shell/doctor/facts.ts'

export const NOW = Date.parse('2026-03-01T12:00:00Z')
export const DAY_MS = 86_400_000

export interface Changes extends Omit<Partial<Facts>, 'state' | 'agent'> {
  readonly state?: Partial<StateFacts>
  readonly agent?: Facts['agent']
  readonly self?: Partial<SelfStatus>
  readonly netcheck?: Partial<Netcheck>
  readonly peer?: Partial<PeerStatus>
}

/** A healthy member with one direct peer, and what is different about it. */
export function facts(changes: Changes = {}): Facts {
  const { self, netcheck, peer, state, ...rest } = changes
  const direct = {
    kind: 'direct',
    via: null,
    hubServer: null,
    endpoint: '192.0.2.1:9',
    rttMs: 3,
    lossPct: 0,
  }
  return {
    now: NOW,
    paths: { config: '/etc/c.toml', state: '/var/lib/m', run: '/run/m' },
    hasConfig: true,
    configProblem: undefined,
    services: 'enabled',
    hasTunDevice: true,
    hasIpv6: true,
    routes: [{ prefix: '192.168.1.0/24', interface: 'eth0' }],
    version: '1.0.0',
    agent: {
      ok: true,
      status: {
        self: {
          helper: {
            connected: true,
            engine: 'userspace',
            engineReason: 'asked for',
            problem: null,
          },
          neighbours: ['hub'],
          names: { zone: 'home.mesh', wiring: 'file', problem: null },
          spareUplinks: [],
          turnServers: [],
          clock: null,
          authorityQuorum: null,
          ...self,
        } as unknown as SelfStatus,
        peers: [
          {
            name: 'hub',
            path: direct,
            liveness: 'alive',
            why: '',
            ...peer,
          } as unknown as PeerStatus,
        ],
      },
      netcheck: {
        nat: { mapping: 'endpoint-independent', filtering: 'unknown' },
        evidence: 'one port for all',
        ipv4: { local: ['192.168.1.2:1'], mapped: [] },
        ipv6: { local: [], mapped: [] },
        stunServers: [{ server: 'x', answered: true, rttMs: 1, mapped: null }],
        whyNoPortMapping: null,
        ...netcheck,
      } as unknown as Netcheck,
    },
    ...rest,
    state: {
      network: { ipv4Prefix: '10.7.0.0/16', ipv6Prefix: 'fd12:3456:789a::/48' },
      certificate: { notBefore: NOW - DAY_MS, notAfter: NOW + 29 * DAY_MS },
      problem: undefined,
      isMember: true,
      isWritable: true,
      freeBytes: 1e9,
      ...state,
    },
  }
}

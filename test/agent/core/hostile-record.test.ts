// SPDX-License-Identifier: Apache-2.0
/** A helper refuses a document as a whole: nothing that a member says of itself may get into one that is refused. */
import { array, assert, boolean, constantFrom, integer, option, property, record } from 'fast-check'
import { it } from 'vitest'
import type { DesiredState, HelperTurnServer } from '../../../agent/core/helper-contract.ts'
import { desiredState } from '../../../agent/core/desired.ts'
import { planOf } from '../../../agent/core/want.ts'
import { addressParts } from '../../../nat/address.ts'
import { addressScope } from '../../../nat/address-scope.ts'
import type { Candidate } from '../../../nat/candidate.ts'
import type { NodeId } from '../../../topology/identity.ts'
import { problemsOf } from '../../sim/desired-check.ts'
import { at } from '../../nat/literal.ts'
import { link, ofKind, oneNode } from './one-node.ts'

const SERVERS = ['one', 'two'].map((id) => {
  return { id, url: 'turns:turn.example', username: 'mesh', password: 'x' } as const
})
const up = (id: string): HelperTurnServer => ({
  id,
  transport: 'tls',
  state: 'up',
  cause: null,
  detail: null,
  relayed: at('203.0.113.1:50000'),
  rttUs: 12_000,
})

const candidate = record({
  kind: constantFrom<Candidate['kind']>('host', 'mapped', 'server-reflexive', 'relayed'),
  address: constantFrom(
    '198.51.100.1:1',
    '198.51.100.2:1',
    '10.0.0.1:1',
    '0.0.0.0:1',
    '224.0.0.1:1',
    '255.255.255.255:1',
    '127.0.0.1:1',
    '[::]:1',
    '[ff02::1]:1',
    '[2001:db8::1]:1',
  ).map(at),
})

it('whatever a member says of itself, the helper takes the document', () => {
  const hubs = array(constantFrom('self', 'peer', 'near', 'far', 'nobody'), { maxLength: 4 })
  const told = record({
    candidates: array(candidate, { maxLength: 6 }),
    hubs,
    relay: boolean(),
    draining: boolean(),
    lifetimeMs: option(constantFrom(1, 1_000, 3_600_000)),
    mapping: constantFrom('unknown', 'udp-blocked', 'endpoint-independent'),
  })
  assert(
    property(told, integer({ min: 0, max: 2 }), (said, servers) => {
      const one = oneNode({ turn: SERVERS.slice(0, servers) })
      one.connect([link('eth0', '198.51.100.9/24')])
      const ids = new Map<string, NodeId>([['nobody', 'f'.repeat(64) as NodeId]])
      ids.set('self', one.self.certificate.node)
      const members = ['near', 'far', 'peer'].map((name) => one.membership.admit(name))
      for (const { certificate } of members) ids.set(certificate.name, certificate.node)
      const [near, far, peer] = members
      const open = (address: string): Candidate[] => [{ kind: 'host', address: at(address) }]
      one.hear(one.recordOf(near!, { relay: true, candidates: open('198.51.100.7:1') }))
      one.hear(one.recordOf(far!, { relay: true }))
      for (const { id } of SERVERS.slice(0, servers))
        one.helperEvent({ method: 'turn-changed', server: up(id) })
      const { lifetimeMs, mapping, ...rest } = said
      const nat = { mapping, filtering: 'unknown', lifetimeMs } as const
      const named = said.hubs.map((name) => ids.get(name)!)
      one.hear(one.recordOf(peer!, { ...rest, nat, hubs: named }))
      // Everything answers that the helper sends a probe to.
      for (const probe of ofKind(one.run(5_000), 'probe')) {
        const { peer: from, endpoint, transaction } = probe
        if (addressScope(addressParts(endpoint).ip) === 'unusable') continue
        const reply = { method: 'probe-reply', peer: from, endpoint, transaction } as const
        one.helperEvent({ ...reply, rttUs: 1_000, observed: at('198.51.100.9:1') })
      }
      const desired: DesiredState = desiredState(
        planOf(one.node, one.now()),
        one.node.config,
        one.node.helper.features,
      )
      const problems = problemsOf(desired)
      if (problems.length > 0) throw new Error(JSON.stringify(problems))
    }),
    { numRuns: 300 },
  )
})

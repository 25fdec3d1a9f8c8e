// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { offer } from '../../nat/path-agent.ts'
import { checking, measured } from './checked-peer.ts'
import { at } from './literal.ts'

describe('a path to an address that the peer names no more', () => {
  const [OLD, NEW] = [at('203.0.113.5:5'), at('203.0.113.5:6')]
  const moveAway = () => {
    const peer = checking(OLD)
    peer.reachable.set(OLD, 20)
    peer.reachable.set(NEW, 20)
    peer.run(1_000)
    offer(peer.agent, [{ kind: 'server-reflexive', address: NEW }], peer.now())
    return peer
  }

  it('makes way for one that answers where the peer says it is: its NAT may have forgotten the old one', () => {
    const peer = moveAway()
    expect(peer.armed()).toEqual([OLD])
    peer.run(2_000)
    expect(peer.armed()).toEqual([NEW, OLD])
  })

  it('is as good as any again when it is named again', () => {
    const peer = moveAway()
    peer.run(2_000)
    const both = [OLD, NEW].map((address) => ({ kind: 'server-reflexive', address }) as const)
    offer(peer.agent, both, peer.now())
    peer.tell(measured(OLD, { rttMs: 20 }), measured(NEW, { rttMs: 200 }))
    expect(peer.armed()).toEqual([OLD, NEW])
  })
})

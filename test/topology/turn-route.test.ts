// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import type { TransportAddress } from '../../nat/address.ts'
import type { Candidate } from '../../nat/candidate.ts'
import { turnPathOfId } from '../../topology/planned-path.ts'
import { type TurnQuestion, turnPaths, type TurnServer } from '../../topology/turn-route.ts'

const at = (text: string) => text as TransportAddress
const up = (id: string): TurnServer => ({ id, isUp: true, relayed: at('203.0.113.1:50000') })
const down = (id: string): TurnServer => ({ id, isUp: false, relayed: undefined })

const host: Candidate = { kind: 'host', address: at('192.168.1.2:41820') }
const reflexive: Candidate = { kind: 'server-reflexive', address: at('198.51.100.7:40001') }
const mapped: Candidate = { kind: 'mapped', address: at('198.51.100.7:41820') }
const relayed: Candidate = { kind: 'relayed', address: at('203.0.113.2:50001') }

const ids = (question: Partial<TurnQuestion>) =>
  turnPaths({ servers: [], candidates: [], heard: new Map(), theirs: [], ...question }).map(
    ({ id }) => id,
  )

describe('paths over TURN', () => {
  it('lead to where the peer’s NAT can be written to, and not to its home', () => {
    expect(ids({ servers: [up('a')], candidates: [host, reflexive] })).toEqual([
      'turn:a>198.51.100.7:40001',
    ])
    expect(ids({ servers: [up('a')], candidates: [host, reflexive, mapped] })).toEqual([
      'turn:a>198.51.100.7:41820',
    ])
    expect(ids({ servers: [up('a')], candidates: [host] })).toEqual([])
  })

  it('lead to where the peer was heard over that server: another port of a symmetric NAT', () => {
    const heard = new Map([['a', at('198.51.100.7:52847')]])
    expect(ids({ servers: [up('a')], candidates: [reflexive], heard })).toEqual([
      'turn:a>198.51.100.7:52847',
    ])
  })

  it('lead over both hosts’ servers where the peer has one, behind the path over one alone', () => {
    expect(ids({ servers: [up('a')], candidates: [reflexive, relayed] })).toEqual([
      'turn:a>198.51.100.7:40001',
      'turn:a>203.0.113.2:50001',
    ])
    // What is heard over the peer's server is that server, which says nothing of its NAT.
    const heard = new Map([['a', relayed.address]])
    expect(ids({ servers: [up('a')], candidates: [reflexive, relayed], heard })[0]).toBe(
      'turn:a>198.51.100.7:40001',
    )
  })

  it('keep the peer’s server first if our own socket reaches it, and the path that lets it answer behind', () => {
    const theirs = [relayed.address]
    expect(ids({ servers: [up('a')], candidates: [reflexive, relayed], theirs })).toEqual([
      'turn:>203.0.113.2:50001',
      'turn:a>198.51.100.7:40001',
    ])
    expect(ids({ candidates: [relayed], theirs })).toEqual(['turn:>203.0.113.2:50001'])
  })

  it('are spread over two servers, those that work first', () => {
    const candidates = [reflexive, relayed]
    expect(ids({ servers: [up('a'), up('b')], candidates })).toEqual([
      'turn:a>198.51.100.7:40001',
      'turn:b>203.0.113.2:50001',
    ])
    expect(ids({ servers: [down('a'), up('b')], candidates })).toEqual([
      'turn:b>198.51.100.7:40001',
      'turn:a>203.0.113.2:50001',
    ])
  })

  it('are two as well where the peer has no server, or this host has none and the peer two', () => {
    expect(ids({ servers: [up('a'), up('b')], candidates: [reflexive] })).toEqual([
      'turn:a>198.51.100.7:40001',
      'turn:b>198.51.100.7:40001',
    ])
    const theirs = [relayed.address, at('203.0.113.3:50002')]
    expect(ids({ candidates: [relayed], theirs })).toEqual([
      'turn:>203.0.113.2:50001',
      'turn:>203.0.113.3:50002',
    ])
  })

  it('never lead from one address family to the other', () => {
    const six: Candidate = { kind: 'host', address: at('[2001:db8::7]:41820') }
    expect(ids({ servers: [up('a')], candidates: [six] })).toEqual([])
  })

  it('have ids from which an agent that has forgotten them reads them', () => {
    expect(turnPathOfId('turn:a>198.51.100.7:40001')).toMatchObject({
      server: 'a',
      endpoint: '198.51.100.7:40001',
    })
    for (const id of ['turn:>198.51.100.7:1', 'turn:a>nowhere', 'relay:a', 'direct:192.0.2.1:1'])
      expect(turnPathOfId(id)).toBeUndefined()
  })
})

// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { NodeId } from '../../topology/identity.ts'
import {
  chooseHomeHubs,
  HOME_HUBS_MAX,
  type HubLink,
  relayRoutes,
} from '../../topology/relay-route.ts'

const id = (name: string) => name as NodeId
const link = (name: string, rttMs?: number): HubLink => ({ hub: id(name), rttMs })

describe('routes over hubs', () => {
  test('a hub that both have comes first, the nearest before others', () => {
    const own = [link('h1', 30), link('h2', 10), link('h3', 20)]
    expect(relayRoutes(id('p'), own, [id('h1'), id('h3')])).toEqual([['h3'], ['h1']])
  })

  test('without a hub in common the route passes one of ours and one of theirs', () => {
    const own = [link('h1', 30), link('h2', 10)]
    expect(relayRoutes(id('p'), own, [id('x1'), id('x2')])).toEqual([
      ['h2', 'x1'],
      ['h1', 'x2'],
    ])
    expect(relayRoutes(id('p'), [link('h1')], [id('x1'), id('x2')])).toEqual([
      ['h1', 'x1'],
      ['h1', 'x2'],
    ])
  })

  test('a peer that has named no hubs is tried over ours', () => {
    expect(relayRoutes(id('p'), [link('h1'), link('h2', 5)], [])).toEqual([['h2'], ['h1']])
  })

  test('a peer is never relayed over itself', () => {
    expect(relayRoutes(id('h1'), [link('h1', 1), link('h2', 9)], [id('h2')])).toEqual([['h2']])
    expect(relayRoutes(id('h1'), [link('h1', 1)], [])).toEqual([])
  })

  test('there is no route without a hub of our own', () => {
    expect(relayRoutes(id('p'), [], [id('h1')])).toEqual([])
  })

  const names = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd', 'e'), { maxLength: 5 })
  test('no route passes a host twice, or a hub that we have no link to first', () => {
    fc.assert(
      fc.property(names, names, fc.constantFrom('a', 'f'), (ours, named, peer) => {
        const theirs = named.filter((name) => name !== peer)
        const own = ours.map((name, i) => link(name, i))
        for (const route of relayRoutes(id(peer), own, theirs.map(id))) {
          expect(new Set([...route, peer]).size).toBe(route.length + 1)
          expect(ours).toContain(route[0])
          expect(theirs.length === 0 || theirs.map(id).includes(route.at(-1)!)).toBe(true)
        }
      }),
    )
  })
})

describe('home hubs', () => {
  test('the nearest are chosen, and named in an order that round trips do not change', () => {
    const links = [link('d', 1), link('c', 2), link('b', 3), link('a', 4)]
    expect(chooseHomeHubs(links, [])).toEqual(['b', 'c', 'd'])
    expect(HOME_HUBS_MAX).toBe(3)
  })

  test('those kept so far stay while they are there, nearer ones or not', () => {
    const links = [link('a', 90), link('b', 80), link('c', 70), link('d', 1)]
    expect(chooseHomeHubs(links, [id('a'), id('b'), id('c')])).toEqual(['a', 'b', 'c'])
    expect(chooseHomeHubs(links.slice(1), [id('a'), id('b'), id('c')])).toEqual(['b', 'c', 'd'])
  })
})

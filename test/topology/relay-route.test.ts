// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { NodeId } from '../../topology/identity.ts'
import type { HubLink } from '../../topology/hub-distance.ts'
import {
  chooseHomeHubs,
  HOME_HUBS_MAX,
  type RelayRoute,
  relayRoutes,
} from '../../topology/relay-route.ts'

const id = (name: string) => name as NodeId
const routes = (
  peer: string,
  own: readonly HubLink[],
  theirs: readonly string[],
  current: readonly RelayRoute[] = [],
) =>
  relayRoutes({
    peer: id(peer),
    own,
    theirs: theirs.map(id),
    current,
    draining: new Set(),
    isDirect: false,
    isUp: () => false,
  })
const link = (name: string, rttMs?: number): HubLink => ({ hub: id(name), rttMs })

describe('a hub that is about to go', () => {
  const own = [link('h1', 10), link('h2', 20)]
  const leaving = (
    current: readonly RelayRoute[],
    isUp: boolean,
    hubs: readonly HubLink[] = own,
    theirs = ['h1', 'h2'],
    isDirect = false,
  ) =>
    relayRoutes({
      peer: id('p'),
      own: hubs,
      theirs: theirs.map(id),
      current,
      draining: new Set([id('h1')]),
      isDirect,
      isUp: () => isUp,
    })

  test('is left for another one, and kept behind it until that one carries', () => {
    expect(leaving([[id('h1')]], false)).toEqual([['h2'], ['h1']])
    expect(leaving([[id('h1')], [id('h2')]], true)).toEqual([['h2']])
  })

  test('is kept although the peer names it no more, until another one carries', () => {
    expect(leaving([[id('h1')]], false, own, ['h2'])).toEqual([['h2'], ['h1']])
  })

  test('is not begun with, unless there is no other', () => {
    expect(leaving([], false)).toEqual([['h2']])
    expect(leaving([], false, [link('h1', 10)], ['h1'])).toEqual([['h1']])
    expect(leaving([[id('h1')]], true, [link('h1', 10)], ['h1'])).toEqual([['h1']])
  })

  test('is no backup to keep for a direct path', () => {
    expect(leaving([[id('h1')]], false, [link('h1', 10)], ['h1'], true)).toEqual([])
  })

  test('that is the second of two is left in the same way', () => {
    const two = [id('h2'), id('h1')] as const
    expect(leaving([two], false, [link('h2', 20)], ['h1', 'x'])).toEqual([['h2', 'x'], two])
    expect(leaving([two], true, [link('h2', 20)], ['h1', 'x'])).toEqual([['h2', 'x']])
  })
})

describe('routes over hubs', () => {
  test('a hub that both have comes first, the nearest before others', () => {
    const own = [link('h1', 30), link('h2', 10), link('h3', 20)]
    expect(routes('p', own, ['h1', 'h3'])).toEqual([['h3'], ['h1']])
  })

  test('without a hub in common the route passes one of ours and one of theirs', () => {
    const own = [link('h1', 30), link('h2', 10)]
    expect(routes('p', own, ['x1', 'x2'])).toEqual([
      ['h2', 'x1'],
      ['h1', 'x2'],
    ])
    expect(routes('p', [link('h1')], ['x1', 'x2'])).toEqual([
      ['h1', 'x1'],
      ['h1', 'x2'],
    ])
  })

  test('a peer that has named no hubs is tried over ours', () => {
    expect(routes('p', [link('h1'), link('h2', 5)], [])).toEqual([['h2'], ['h1']])
  })

  test('a peer is never relayed over itself', () => {
    expect(routes('h1', [link('h1', 1), link('h2', 9)], ['h2'])).toEqual([['h2']])
    expect(routes('h1', [link('h1', 1)], [])).toEqual([])
  })

  test('one hub in common is backed by a route over two others', () => {
    const own = [link('h1', 10), link('h2', 20), link('h3', 30)]
    expect(routes('p', own, ['h1', 'x1'])).toEqual([['h1'], ['h2', 'x1']])
  })

  test('a route in use stays while another is nearer by no more than noise', () => {
    const own = [link('h1', 40), link('h2', 35), link('h3', 25)]
    const inUse = [[id('h1')], [id('h2')]] as const
    expect(routes('p', own, ['h1', 'h2', 'h3'], inUse)).toEqual([['h1'], ['h2']])
    const far = [link('x1', 40), link('x2', 30)]
    const overTwo = [[id('x1'), id('y2')]] as const
    expect(routes('p', far, ['y1', 'y2'], overTwo)[0]).toEqual(['x1', 'y2'])
  })

  test('a route in use is left for one that is clearly nearer, and when its hub is gone', () => {
    const inUse = [[id('h1')], [id('h2')]] as const
    const own = [link('h1', 90), link('h2', 80), link('h3', 10)]
    expect(routes('p', own, ['h1', 'h2', 'h3'], inUse)).toEqual([['h3'], ['h2']])
    expect(routes('p', own.slice(1), ['h1', 'h2', 'h3'], inUse)).toEqual([['h3'], ['h2']])
  })

  test('one hub in common is better than two, whatever is in use', () => {
    const overTwo = [[id('h1'), id('x1')]] as const
    expect(routes('p', [link('h1', 9), link('h2', 9)], ['x1', 'h2'], overTwo)).toEqual([
      ['h2'],
      ['h1', 'x1'],
    ])
  })

  test('there is no route without a hub of our own', () => {
    expect(routes('p', [], ['h1'])).toEqual([])
  })

  const names = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd', 'e'), { maxLength: 5 })
  test('no route passes a host twice, or a hub that we have no link to first', () => {
    fc.assert(
      fc.property(names, names, fc.constantFrom('a', 'f'), (ours, named, peer) => {
        const theirs = named.filter((name) => name !== peer)
        const own = ours.map((name, i) => link(name, i))
        for (const route of routes(peer, own, theirs)) {
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

  test('those kept so far stay while they are there, a little nearer ones or not', () => {
    const links = [link('a', 90), link('b', 80), link('c', 70), link('d', 1)]
    const current = [id('a'), id('b'), id('c')]
    expect(chooseHomeHubs([...links.slice(0, 3), link('d', 60)], current)).toEqual(current)
    expect(chooseHomeHubs(links.slice(1), current)).toEqual(['b', 'c', 'd'])
  })

  test('a hub that is clearly nearer takes the place of the farthest', () => {
    const links = [link('a', 90), link('b', 80), link('c', 70), link('d', 20)]
    expect(chooseHomeHubs(links, [id('a'), id('b'), id('c')])).toEqual(['b', 'c', 'd'])
  })
})

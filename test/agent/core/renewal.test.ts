// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { wallTime } from '../../../nat/clock.ts'
import { statusOf } from '../../../agent/core/status-report.ts'
import { Membership, WALL_START_MS } from '../../sim/membership.ts'
import { link, ofKind, oneNode } from './one-node.ts'

const MINUTE_MS = 60_000
const HALF_MS = 10 * MINUTE_MS

/** A node whose certificate is valid for twenty minutes from the start of the simulation. */
function shortLived() {
  const { certificate } = new Membership(1, 'hashing').admit('self')
  const world = oneNode({
    certificate: {
      ...certificate,
      notBefore: wallTime(WALL_START_MS),
      notAfter: wallTime(WALL_START_MS + 2 * HALF_MS),
    },
  })
  world.connect([link('eth0', '192.168.1.10/24')])
  return world
}

describe("a node's own certificate", () => {
  it('is renewed at half of its lifetime, and not before', () => {
    const { run } = shortLived()
    expect(ofKind(run(HALF_MS - 1_000), 'renew')).toEqual([])
    expect(ofKind(run(2_000), 'renew')).toHaveLength(1)
    // One request at a time.
    expect(ofKind(run(MINUTE_MS), 'renew')).toEqual([])
  })

  it('is asked for again, ever more slowly and for ever, while no authority answers', () => {
    const { node, run, take } = shortLived()
    run(HALF_MS + 1_000)
    const pausesMs: number[] = []
    for (let i = 0; i < 40; i++) {
      const effects = take({ kind: 'renewal-failed', reason: 'no-authority' })
      expect(ofKind(effects, 'event')).toMatchObject([{ entry: { kind: 'renewal-failed' } }])
      let waitedMs = 0
      while (!node.renewal.asking) {
        run(500)
        waitedMs += 500
      }
      pausesMs.push(waitedMs)
    }
    // A small part of a short lifetime: here 37 s, spread by half.
    expect(Math.max(...pausesMs)).toBeLessThanOrEqual(57_000)
    expect(pausesMs[0]).toBeLessThan(Math.max(...pausesMs))
  })

  it('that is renewed stands in the next record, and the next renewal is at half of the new lifetime', () => {
    const { node, run, take, membership, self } = shortLived()
    run(HALF_MS + 1_000)
    const notice = membership.edit(self, {
      notBefore: wallTime(WALL_START_MS + HALF_MS),
      notAfter: wallTime(WALL_START_MS + 3 * HALF_MS),
    })
    if (notice.kind !== 'certificate') throw new Error('no certificate')
    const effects = take({ ...notice, kind: 'renewed' })
    expect(ofKind(effects, 'save-certificate')).toHaveLength(1)
    run(1_000)
    expect(node.own?.record.certificate.serial).toBe(notice.certificate.serial)
    expect(ofKind(run(HALF_MS - 5_000), 'renew')).toEqual([])
    expect(ofKind(run(5_000), 'renew')).toHaveLength(1)
  })

  it('that has run out is shown in status, and is still asked for', () => {
    const { node, run, now, take } = shortLived()
    run(2 * HALF_MS + 1_000)
    expect(statusOf(node, now()).self.membership).toBe('expired')
    take({ kind: 'renewal-failed', reason: 'no-authority' })
    expect(ofKind(run(MINUTE_MS), 'renew')).toHaveLength(1)
  })
})

describe("a member's certificate", () => {
  it('that runs out ends its being a peer at that moment, and its links', () => {
    const world = oneNode()
    world.connect([link('eth0', '192.168.1.10/24')])
    const peer = world.membership.admit('peer', {
      notAfter: wallTime(WALL_START_MS + MINUTE_MS),
    })
    world.hear(world.recordOf(peer))
    expect(world.node.peers.size).toBe(1)
    world.run(MINUTE_MS - 100)
    expect(world.node.peers.size).toBe(1)
    const effects = world.run(400)
    expect(world.node.peers.size).toBe(0)
    expect(ofKind(effects, 'hang-up')).toHaveLength(1)
    expect(ofKind(effects, 'apply').at(-1)?.desired.peers).toEqual([])
    expect(ofKind(effects, 'event')).toMatchObject([
      { entry: { kind: 'member-expired', peer: 'peer' } },
    ])
  })
})

describe('of two certificates for one address', () => {
  it('the newer one counts: its node goes on under another key', () => {
    const world = oneNode()
    world.connect([link('eth0', '192.168.1.10/24')])
    const before = world.membership.admit('peer')
    const after = world.membership.admit('peer', { ipv4: before.certificate.ipv4 })
    world.hear(world.recordOf(before))
    const [apply] = ofKind(world.hear(world.recordOf(after)), 'apply')
    expect(apply?.desired.peers.map(({ publicKey }) => publicKey)).toEqual([after.helperName])
    // One that has our own address is what we were before.
    const own = world.self.certificate.ipv4
    const earlier = world.membership.admit('self', { ipv4: own })
    expect(ofKind(world.hear(world.recordOf(earlier)), 'apply')).toEqual([])
  })
})

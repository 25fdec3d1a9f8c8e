// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import type { RelayFrame } from './frame.ts'
import { RelayModel } from './relay-model.ts'

const payload = { kind: 'wireguard', sender: 'a', receiver: 'b', bytes: 1_000 } as const
const hop = { sender: 'a', receiver: 'hub' }
const oneHub: RelayFrame = {
  kind: 'relay',
  hop,
  hopsLeft: 1,
  destination: 'b',
  source: 'a',
  otherHub: undefined,
  payload,
}
const serving = { self: 'hub', serves: true, nowMs: 0, hasDirectPath: () => true }

describe('a hub', () => {
  it('passes a frame on to its destination, or to the next hub, which learns the way back', () => {
    const hub = new RelayModel()
    expect(hub.forward(oneHub, serving)).toMatchObject({
      hop: { sender: 'hub', receiver: 'b' },
      hopsLeft: 0,
    })
    const twoHubs = { ...oneHub, hopsLeft: 2, otherHub: 'next' }
    expect(hub.forward(twoHubs, serving)).toMatchObject({
      hop: { sender: 'hub', receiver: 'next' },
      hopsLeft: 1,
      otherHub: 'hub',
    })
  })

  it('forwards to nobody that it has no direct path to, and nothing at all if it does not serve', () => {
    const hub = new RelayModel()
    expect(hub.forward(oneHub, { ...serving, hasDirectPath: () => false })).toBeUndefined()
    expect(hub.forward(oneHub, { ...serving, serves: false })).toBeUndefined()
    expect(hub.forward({ ...oneHub, hopsLeft: 0 }, serving)).toBeUndefined()
    expect(hub.counters).toMatchObject({ frames: 0, refused: 3 })
  })

  it('bounds each source for itself', () => {
    const hub = new RelayModel()
    hub.rate = { bytesPerSecond: 1_000, burstBytes: 2_000 }
    const passes = (frame: RelayFrame, nowMs: number) =>
      hub.forward(frame, { ...serving, nowMs }) !== undefined
    expect([0, 0, 0].map((ms) => passes(oneHub, ms))).toEqual([true, true, false])
    expect(passes({ ...oneHub, source: 'c' }, 0)).toBe(true)
    expect([passes(oneHub, 1_000), passes(oneHub, 1_000)]).toEqual([true, false])
    expect(hub.counters.dropped).toBe(2)
  })
})

// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { NOW } from '../../../topology/sample-network.ts'
import { type Member, members, targetOf } from './sample-member.ts'

const DEADLINE = { timeout: 15_000, interval: 10 }

/** Stands for an address in the mesh: a tunnel that is always there. */
const TUNNEL = '127.0.0.2'
const isMeshAddress = (ip: string) => ip === TUNNEL

describe('links over mesh addresses', () => {
  const { member, stop } = members({ isMeshAddress })

  const portOf = (one: Member, ip: string) =>
    Number(
      one.underlay.listening
        .find((text) => text.startsWith(`/ip4/${ip}/`))!
        .split('/')
        .at(-1),
    )

  /** Two that share nothing but a hub that can be dialled; the first has a tunnel to the second. */
  async function star() {
    const hub = await member(13)
    const listen = [
      { ip: '127.0.0.1', port: 0 },
      { ip: TUNNEL, port: 0 },
    ]
    const b = await member(12, { listen, isMeshAddress: () => false })
    const target = { node: b.node, dialAddresses: [`/ip4/${TUNNEL}/tcp/${portOf(b, TUNNEL)}`] }
    const a = await member(11, { meshTargets: () => [target] })
    for (const one of [a, b]) {
      one.underlay.setTargets([targetOf(hub)])
      await expect.poll(() => one.underlay.neighbours(), DEADLINE).toContain(hub.node)
    }
    await expect.poll(() => a.versionOf(b.node), DEADLINE).toBe(NOW)
    // On a busy machine the link over the tunnel may be quicker than that to the hub, and is given up after a while.
    await expect.poll(() => a.underlay.neighbours(), DEADLINE).toEqual([hub.node])
    return { hub, a, b, target }
  }

  it('are made when the last other link is gone for good, and news travels over them', async () => {
    const { hub, a, b } = await star()
    await stop(hub)
    await expect.poll(() => a.underlay.neighbours(), DEADLINE).toEqual([b.node])
    a.say(NOW + 1)
    await expect.poll(() => b.versionOf(a.node), DEADLINE).toBe(NOW + 1)
    b.say(NOW + 2)
    await expect.poll(() => a.versionOf(b.node), DEADLINE).toBe(NOW + 2)
  })

  it('keep nobody from dialling the others, which take over again', async () => {
    const { hub, a, b } = await star()
    const port = portOf(hub, '127.0.0.1')
    await stop(hub)
    await expect.poll(() => a.underlay.neighbours(), DEADLINE).toEqual([b.node])
    const again = await member(13, { listen: [{ ip: '127.0.0.1', port }] })
    await expect.poll(() => a.underlay.neighbours(), DEADLINE).toContain(again.node)
    // What this side made is given up after a while.
    await expect.poll(() => a.underlay.neighbours(), DEADLINE).toEqual([again.node])
  })

  it('are not made to a target that a record puts inside the mesh', async () => {
    const { hub, a, b, target } = await star()
    a.underlay.setTargets([targetOf(hub), target])
    b.say(NOW + 3)
    await expect.poll(() => a.versionOf(b.node), DEADLINE).toBe(NOW + 3)
    expect(a.underlay.neighbours()).toEqual([hub.node])
  })
})

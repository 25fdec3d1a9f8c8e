// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest'
import { statusOf } from '../../../agent/core/status-report.ts'
import { at } from '../../nat/literal.ts'
import { link, ofKind, oneNode } from './one-node.ts'

const ENDPOINT = at('203.0.113.5:5')

it('status names a direct path once the helper has had an answer over it, and not before', () => {
  const world = oneNode()
  world.connect([link('eth0', '192.168.1.10/24')])
  const bob = world.membership.admit('bob')
  const candidates = [{ kind: 'host', address: ENDPOINT } as const]
  const asked = ofKind(world.hear(world.recordOf(bob, { candidates })), 'probe')[0]!
  const { transaction } = asked
  const peer = bob.helperName
  const shown = () => statusOf(world.node, world.now()).peers[0]!

  world.helperEvent({
    method: 'probe-reply',
    peer,
    endpoint: ENDPOINT,
    transaction,
    rttUs: 1_000,
    observed: at('192.168.1.10:41820'),
  })
  world.run(3_000)
  expect(shown().path.kind).toBe('none')
  expect(shown().why).toBe(
    `no path yet: bob answers at ${ENDPOINT}, and traffic moves there once it has carried packets`,
  )

  const path = `direct:${ENDPOINT}`
  world.helperEvent({ method: 'path-up', peer, path, rttUs: 1_000 })
  const moved = { peer, from: null, to: path, cause: 'desired', gapMs: 0 } as const
  world.helperEvent({ method: 'switched', ...moved })
  expect(shown().path).toMatchObject({ kind: 'direct', endpoint: ENDPOINT })

  world.helperEvent({ method: 'path-down', peer, path, reason: 'it is cut' })
  expect(shown().path.kind).toBe('none')
})

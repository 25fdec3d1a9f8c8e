// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import type { PathStatus } from '../../../../agent/core/status.ts'
import { sharedParts } from '../../../../agent/shell/cli/shared-fate.ts'

const pathOf = (
  kind: PathStatus['kind'],
  endpoint: string | null,
  via: string | null = null,
  hubServer: string | null = null,
): PathStatus => ({ kind, endpoint, via, hubServer, rttMs: 1, lossPct: 0 })

const active = pathOf('direct', '198.51.100.7:41820')

describe('what a backup shares with the active path', () => {
  it.each([
    ['another port of one host', active, pathOf('direct', '198.51.100.7:5'), ['family', 'address']],
    ['another host', active, pathOf('direct', '203.0.113.7:41820'), ['family']],
    ['another family', active, pathOf('direct', '[2001:db8::7]:41820'), []],
    ['a hub of one family', active, pathOf('relay', '192.0.2.1:1', 'hub'), ['family']],
    ['a data channel, whose way nobody knows', active, pathOf('channel', null), []],
    [
      'one hub of two',
      pathOf('relay', '192.0.2.1:1', 'hub'),
      pathOf('relay', '192.0.2.1:1', 'hub, other'),
      ['family', 'hub'],
    ],
    [
      'a TURN server that is called like a hub',
      pathOf('turn', '192.0.2.1:1', 'hub'),
      pathOf('relay', '[2001:db8::7]:1', 'hub'),
      [],
    ],
    [
      'one TURN server',
      pathOf('turn', '192.0.2.1:1', 'frankfurt'),
      pathOf('turn', '192.0.2.2:1', 'frankfurt'),
      ['family', 'server'],
    ],
    [
      'the TURN server that leads to a hub',
      pathOf('turn', '192.0.2.1:1', 'frankfurt'),
      pathOf('relay', null, 'hub', 'frankfurt'),
      ['server'],
    ],
    [
      'a hub and the TURN server that leads to it',
      pathOf('relay', null, 'hub', 'frankfurt'),
      pathOf('relay', null, 'hub, other', 'frankfurt'),
      ['hub', 'server'],
    ],
  ] as const)('is told of %s', (_, one, other, shared) => {
    expect(sharedParts(one, other)).toEqual(shared)
  })
})

// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest'
import { changeRequest } from '../../netns-lab/lab-change.ts'
import { parseDescription } from '../../netns-lab/description-file.ts'
import { planLab } from '../../netns-lab/plan-lab.ts'
import { mergeImpairments } from '../../netns-lab/link-settings.ts'
import { parseSettings } from '../../netns-lab/setting-words.ts'

test.each([
  [['delay=40', 'loss=5', 'down=1'], { delayMs: 40, lossPercent: 5, down: true }],
  [
    ['delay=1.5s', 'loss=0.5%', 'rate=20mbit'],
    { delayMs: 1500, lossPercent: 0.5, rateKbit: 20_000 },
  ],
  [['out.down', 'in.delayMs=3'], { out: { down: true }, in: { delayMs: 3 } }],
  [['reboot', 'kind=symmetric'], { reboot: true, kind: 'symmetric' }],
  [['mappingLifetime=10', 'address=203.0.113.9'], { mappingLifetimeS: 10, address: '203.0.113.9' }],
  [['firewall=off'], { firewall: false }],
  [['udp=only-443', 'in.dropWireguard'], { udp: 'only-443', in: { dropWireguard: true } }],
  [
    ['portMapping=upnp,pcp', 'cuts=home/hub'],
    { portMapping: ['upnp', 'pcp'], cuts: [['home', 'hub']] },
  ],
  [['mtu=1280', 'mtuBlackhole'], { mtu: 1280, mtuBlackhole: true }],
])('%j sets %j', (words, settings) => {
  expect(parseSettings(words)).toEqual(settings)
})

test.each(['delay=20mbit', 'rate=5%', 'loss=', 'down=maybe', 'side.loss=1', 'speed=1', 'loss=-1'])(
  '%s is refused',
  (word) => {
    expect(() => parseSettings([word])).toThrow(word.split('=')[0])
  },
)

const plan = planLab(
  parseDescription({
    hosts: {
      alice: { behind: 'home', link: { name: 'alice-lan' } },
      both: { uplinks: [{ behind: 'home' }, {}] },
    },
    nats: { home: { kind: 'port-restricted' } },
  }),
  'lab',
)

test('a node’s name stands for its only link where the settings are a link’s', () => {
  expect(changeRequest(plan, 'alice', { delayMs: 1 })).toMatchObject({
    op: 'set-link',
    link: 'alice-lan',
  })
  expect(changeRequest(plan, 'home', { delayMs: 1 })).toMatchObject({ link: 'home-internet' })
  expect(changeRequest(plan, 'home', { reboot: true })).toMatchObject({
    op: 'set-nat',
    nat: 'home',
  })
  expect(changeRequest(plan, 'alice', { firewall: true })).toMatchObject({ op: 'set-host' })
})

test('a node with two links wants one of them named', () => {
  expect(() => changeRequest(plan, 'both', { delayMs: 1 })).toThrow('both-home, both-internet')
})

test('settings of two kinds of target at once are refused', () => {
  expect(() => changeRequest(plan, 'home', { reboot: true, delayMs: 1 })).toThrow('delayMs')
})

test('a change of both directions overrides an earlier one of either', () => {
  const uneven = mergeImpairments({}, { delayMs: 10, out: { delayMs: 5 } })
  expect(uneven).toMatchObject({ out: { delayMs: 5 }, in: { delayMs: 10 } })
  expect(mergeImpairments(uneven, { delayMs: 20 })).toMatchObject({
    out: { delayMs: 20 },
    in: { delayMs: 20 },
  })
})

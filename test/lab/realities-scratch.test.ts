// SPDX-License-Identifier: Apache-2.0
import { test } from 'vitest'
import { startLab } from '../../netns-lab/lab.ts'
import { meshAddress, startMesh, steadyPing } from './mesh.ts'

test('scratch', async () => {
  const lab = await startLab({
    name: 'scratch',
    hosts: { hub: {ipv6: true}, other: {ipv6: true}, alice: { behind: 'home-a' }, bob: { behind: 'home-b' } },
    nats: {
      'home-a': { kind: 'symmetric', ipv6: 'firewall', link: { name: 'wan-a', mtu: 1280 } },
      'home-b': { kind: 'symmetric', ipv6: 'firewall', link: { name: 'wan-b' } },
    },
  })
  try {
    const mesh = await startMesh(lab, ['hub', 'other', 'alice', 'bob'])
    await mesh.alice.reaches('bob')
    const a = await meshAddress(mesh.alice, 'bob')
    const caps = await Promise.all([mesh.alice.host.capture('eth0', 'udp or icmp or icmp6'), mesh.bob.host.capture('eth0', 'udp or icmp or icmp6'), lab.host('home-a').capture('wan', 'udp or icmp or icmp6 or ip6[6] == 44')])
    const r = await mesh.alice.host.exec(['ping', '-c', '5', '-W', '2', '-s', '1200', '-M', 'do', a])
    console.log(r.stdout)
    for (const c of caps) console.log((await c.stop()).text.slice(0, 3500))
    console.log((await mesh.alice.host.exec(['ip', '-6', 'route', 'show', 'cache'])).stdout)
    console.log(JSON.stringify(await mesh.alice.status(), null, 1).slice(0, 3000))
  } finally { await lab.saveEvidence(); await lab.stop() }
})

// SPDX-License-Identifier: Apache-2.0
/**
 * Whether the first ping is answered once status says direct, between two public hosts that start at once: their paths
 * come up in the same moment, and both have reason to begin WireGuard's handshake before the other one's has arrived.
 */
import { startLab } from '../../netns-lab/lab.ts'
import { Member } from '../../netns-lab/member.ts'
import { type BenchResult, spread } from './figures.ts'

/** Each way: the time in which two handshakes can cross. */
const DELAY_MS = 40

export async function benchFirstPing(rounds: number): Promise<BenchResult> {
  const lab = await startLab({
    name: 'first-ping',
    hosts: { alice: { link: { name: 'far', delayMs: DELAY_MS } }, bob: {} },
  })
  const times: number[] = []
  let lost = 0
  try {
    const [alice, bob] = [new Member(lab.host('alice')), new Member(lab.host('bob'))]
    await alice.init()
    await alice.run()
    await bob.join(await alice.createToken())
    await alice.stop()
    for (let round = 0; round < rounds; round++) {
      await Promise.all([alice.run(), bob.run()])
      const [reached] = await Promise.all([alice.reaches('bob'), bob.reaches('alice')])
      const ping = ['ping', '-c', '1', '-W', '8', reached.addresses[0] ?? '']
      const timeMs = Number(/time=([\d.]+) ms/.exec((await alice.host.exec(ping)).stdout)?.[1])
      // One that was kept back until a second handshake came through is as good as lost.
      if (timeMs < 1_000) times.push(timeMs)
      else lost += 1
      await Promise.all([alice.stop(), bob.stop()])
    }
  } finally {
    await lab.stop()
  }
  return {
    rows: [
      `first pings, once status said direct: ${lost} of ${rounds} lost or later than a second`,
      `round trips of the others: ${spread(times)} ms`,
    ],
    facts: { rounds, lost, timesMs: times },
  }
}

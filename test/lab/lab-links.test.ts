// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { type Lab, startLab } from '../../netns-lab/lab.ts'

let lab: Lab

beforeAll(async () => {
  lab = await startLab({
    name: 'links',
    seed: 7,
    hosts: {
      hub: {},
      alice: { behind: 'home', link: { name: 'alice-lan' } },
      slow: { link: { delayMs: 30, mtu: 1300 } },
      bare: { link: { emulate: false } },
    },
    nats: { home: { kind: 'port-restricted' } },
  })
})
afterAll(async () => lab.stop())
beforeEach(async () => {
  await lab.set('alice-lan', clear)
})

const clear = {
  delayMs: 0,
  jitterMs: 0,
  lossPercent: 0,
  burstEnterPercent: 0,
  burstLeavePercent: 0,
  rateKbit: 0,
  limitPackets: 1000,
  down: false,
}

/** Round trips in milliseconds and the share of echoes lost, from alice to hub. */
async function ping(from: string, count: number, intervalS: number, to = 'hub') {
  const options = ['-q', '-c', `${count}`, '-i', `${intervalS}`, '-W', '1']
  const { stdout } = await lab.host(from).exec(['ping', ...options, to])
  const [, min, mean, max] = /= ([\d.]+)\/([\d.]+)\/([\d.]+)/.exec(stdout)?.map(Number) ?? []
  const [, lost] = /([\d.]+)% packet loss/.exec(stdout)?.map(Number) ?? []
  return { minMs: min ?? 0, meanMs: mean ?? 0, maxMs: max ?? 0, lostPercent: lost ?? 100 }
}

test('a link delays each way by what was set', async () => {
  await lab.set('alice-lan', { delayMs: 25 })
  const there = await ping('alice', 50, 0.02)
  expect(there.minMs).toBeGreaterThanOrEqual(50)
  expect(there.minMs).toBeLessThan(52)
  await lab.set('alice-lan', { out: { delayMs: 5 } })
  const uneven = await ping('alice', 50, 0.02)
  expect(uneven.minMs).toBeGreaterThanOrEqual(30)
  expect(uneven.minMs).toBeLessThan(32)
})

test('a delay written in the description holds from the start', async () => {
  expect((await ping('slow', 5, 0.05)).minMs).toBeGreaterThanOrEqual(60)
})

test('jitter spreads round trips around the delay', async () => {
  await lab.set('alice-lan', { delayMs: 20, jitterMs: 10 })
  const { minMs, meanMs, maxMs } = await ping('alice', 200, 0.01)
  expect(minMs).toBeGreaterThan(20)
  expect(maxMs - minMs).toBeGreaterThan(10)
  expect(Math.abs(meanMs - 40)).toBeLessThan(6)
})

test('loss is the share that was set', async () => {
  await lab.set('alice-lan', { out: { lossPercent: 10 } })
  // 2000 frames: six standard deviations are 4 %.
  const { lostPercent } = await ping('alice', 2000, 0.002)
  expect(Math.abs(lostPercent - 10)).toBeLessThan(4)
})

test('bursts lose the share of time that is spent in them', async () => {
  await lab.set('alice-lan', { out: { burstEnterPercent: 5, burstLeavePercent: 45 } })
  const { lostPercent } = await ping('alice', 2000, 0.002)
  expect(Math.abs(lostPercent - 10)).toBeLessThan(5)
})

test('a link cut one way still carries the other', async () => {
  await lab.set('alice-lan', { in: { down: true } })
  const capture = await lab.host('hub').capture('eth0', 'icmp')
  expect((await ping('alice', 5, 0.05)).lostPercent).toBe(100)
  const { packets } = await capture.stop()
  expect(packets.filter(({ line }) => line.includes('echo request'))).toHaveLength(5)
  await lab.set('alice-lan', { in: { down: false } })
  expect((await ping('alice', 5, 0.05)).lostPercent).toBe(0)
})

test('a rate limit bounds what TCP gets through', async () => {
  await lab.set('alice-lan', { rateKbit: 20_000, limitPackets: 100 })
  const hub = lab.host('hub')
  const server = hub.spawn(['iperf3', '-s', '-1'])
  await hub.waitFor(async () => (await hub.run(['ss', '-ltn'])).includes(':5201'), {
    deadlineMs: 5000,
    what: 'iperf3 listens',
  })
  const report = await lab.host('alice').run(['iperf3', '-c', 'hub', '-t', '3', '-J'])
  await server.stop()
  const { end } = JSON.parse(report) as { end: { sum_received: { bits_per_second: number } } }
  const mbit = end.sum_received.bits_per_second / 1e6
  expect(mbit).toBeGreaterThan(12)
  expect(mbit).toBeLessThan(20)
})

test('a small MTU shows to who sends too much', async () => {
  const big = await lab.host('slow').exec(['ping', '-c', '1', '-M', 'do', '-s', '1400', 'hub'])
  expect(big.code).not.toBe(0)
  expect(`${big.stdout}${big.stderr}`).toMatch(/mtu ?= ?1300/)
})

test('a bare veth pair carries packets and says why it cannot be impaired', async () => {
  expect((await ping('bare', 3, 0.05)).lostPercent).toBe(0)
  await expect(lab.set('bare', { delayMs: 1 })).rejects.toThrow('remove emulate = false')
})

test('status tells each direction and its frames', async () => {
  await lab.set('alice', { delayMs: 3, out: { lossPercent: 1 } })
  const { links } = await lab.status()
  const link = links.find(({ name }) => name === 'alice-lan')
  expect(link?.out).toMatchObject({ delayMs: 3, lossPercent: 1 })
  expect(link?.in).toMatchObject({ delayMs: 3, lossPercent: 0 })
  expect(link?.frames?.out.received).toBeGreaterThan(1000)
})

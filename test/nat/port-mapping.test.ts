// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { toHex } from '../../nat/hex.ts'
import { NONCES, withRouter } from './scripted-router.ts'

const HOUR = 3_600_000

describe('a host behind a router that speaks PCP', () => {
  it('has UDP mapped within one round trip, then TCP, and asks nobody else', () => {
    const { run, mapped, what } = withRouter({ speaks: ['pcp', 'nat-pmp', 'upnp'] })
    run(0)
    expect(mapped()).toMatchObject({
      protocol: 'pcp',
      udp: '203.0.113.7:50000',
      tcp: '203.0.113.7:50001',
      reachable: true,
    })
    run(60_000)
    expect(what()).toEqual(['pcp udp', 'nat-pmp address', 'upnp discover', 'pcp tcp'])
  })

  it('asks for two hours, renews after half to five eighths of what it got, and never lets go', () => {
    const { run, timesOf, mapped, requests } = withRouter({ speaks: ['pcp'], lifetimeS: 3_600 })
    run(24 * HOUR)
    const times = timesOf('pcp udp')
    const pauses = times.slice(1).map((at, i) => at - times[i]!)
    expect(Math.min(...pauses)).toBeGreaterThanOrEqual(HOUR / 2)
    expect(Math.max(...pauses)).toBeLessThanOrEqual((HOUR * 5) / 8)
    expect(new DataView(requests[0]!.buffer).getUint32(4)).toBe(7_200)
    expect(mapped()?.expiresAt).toBeGreaterThan(24 * HOUR)
    // With the address and the port that it has, so that peers need not learn another.
    const renewal = requests.findLast((bytes) => bytes[36] === 17)!
    expect(toHex(renewal.slice(42, 44))).toBe('c350')
    expect(toHex(renewal.slice(56))).toBe('cb007107')
  })

  it('keeps up a short lifetime, but never asks twice within four seconds', () => {
    const { run, timesOf, mapped } = withRouter({ speaks: ['pcp'], lifetimeS: 8 })
    for (let ms = 0; ms < 600_000; ms += 500) {
      run(ms)
      expect(mapped()).toBeDefined()
    }
    const times = timesOf('pcp udp')
    expect(times.length).toBeGreaterThan(100)
    for (const [i, at] of times.slice(1).entries())
      expect(at - times[i]!).toBeGreaterThanOrEqual(4_000)
  })

  it('refuses a lifetime that could not be kept up', () => {
    const { run, mapped, why } = withRouter({ speaks: ['pcp'], lifetimeS: 3 })
    run(10_000)
    expect(mapped()).toBeUndefined()
    expect(why()).toBe('the gateway 192.168.1.1 forwards no port: PCP too short')
  })

  it('asks three, seven and fifteen sixteenths into the lifetime again, then starts over', () => {
    const { run, timesOf, mapped, script } = withRouter({ speaks: ['pcp'] })
    run(1_000)
    script.silent = true
    run(2 * HOUR - 1)
    const shares = timesOf('pcp udp').map((at) => at / (2 * HOUR))
    const windows = [1, 2, 3, 4].map((n) => [1 - 2 ** -n, 1 - 2 ** -n + 2 ** -(n + 2)] as const)
    for (const [i, [from, to]] of windows.entries()) {
      expect(shares[i + 1]).toBeGreaterThanOrEqual(from)
      expect(shares[i + 1]).toBeLessThanOrEqual(to)
    }
    expect(mapped()).toBeDefined()
    run(2 * HOUR)
    expect(mapped()).toBeUndefined()
    script.silent = false
    run(2 * HOUR + 30_000)
    expect(mapped()).toBeDefined()
  })

  it('notices by its clock that the router was restarted, and renews the other mapping as well', () => {
    const { run, timesOf, script } = withRouter({ speaks: ['pcp'] })
    run(HOUR / 2)
    script.bootMs = HOUR / 2
    run((HOUR * 5) / 4)
    const [udp, tcp] = [timesOf('pcp udp').at(-1)!, timesOf('pcp tcp').at(-1)!]
    expect(udp).toBeGreaterThanOrEqual(HOUR)
    expect(Math.abs(udp - tcp)).toBeLessThanOrEqual(4_000)
  })

  it('is not driven to a flood by a router whose clock jumps at every answer', () => {
    const { run, script, asked, timesOf } = withRouter({ speaks: ['pcp'] })
    for (let ms = 0; ms < 100_000; ms += 100) {
      script.bootMs = -((ms * 7_919) % 1_000_000_000)
      run(ms)
    }
    const held = timesOf('pcp udp')
    for (const [i, at] of held.slice(1).entries())
      expect(at - held[i]!).toBeGreaterThanOrEqual(4_000)
    expect(asked.length).toBeLessThan(60)
  })

  it('asks again soon, though not twice at once, when the NAT has forgotten something', () => {
    const { run, refresh, timesOf } = withRouter({ speaks: ['pcp'] })
    run(60_000)
    refresh()
    refresh()
    run(61_000)
    expect(timesOf('pcp udp')).toEqual([0, 60_000])
    expect(timesOf('pcp tcp')).toEqual([0, 60_000])
  })

  it('gives a mapping up that is in doubt and that the router does not confirm', () => {
    const { run, refresh, mapped, script, timesOf } = withRouter({ speaks: ['pcp'] })
    run(60_000)
    script.speaks = ['upnp']
    refresh()
    run(69_999)
    expect(timesOf('pcp udp')).toEqual([0, 60_000, 64_000, 68_000])
    expect(mapped()).toMatchObject({ protocol: 'pcp' })
    run(75_000)
    expect(mapped()).toMatchObject({ protocol: 'upnp' })
  })

  it('gives a mapping in doubt up at once if nothing listens there any more', () => {
    const { run, refresh, mapped, script } = withRouter({ speaks: ['pcp'] })
    run(60_000)
    script.closed = true
    script.speaks = ['upnp']
    refresh()
    run(64_000)
    expect(mapped()).toMatchObject({ protocol: 'upnp' })
  })

  it('gives both ports back with the nonces that they were asked with', () => {
    const { run, release, requests, mapped, what } = withRouter({ speaks: ['pcp'] })
    run(1_000)
    release()
    expect(what().slice(-2)).toEqual(['pcp release udp', 'pcp release tcp'])
    const [udp, tcp] = requests.slice(-2)
    expect(udp!.slice(24, 36)).toEqual(NONCES.udp)
    expect(tcp!.slice(24, 36)).toEqual(NONCES.tcp)
    expect(mapped()).toBeUndefined()
    const before = what().length
    run(24 * HOUR)
    expect(what()).toHaveLength(before)
  })

  it('keeps its UDP port if TCP is refused, and asks for TCP again later', () => {
    const { run, mapped, script } = withRouter({ speaks: ['pcp'], refusesTcp: true })
    run(1_000)
    expect(mapped()).toMatchObject({ udp: '203.0.113.7:50000', tcp: undefined })
    script.refusesTcp = false
    run(HOUR)
    expect(mapped()?.tcp).toBe('203.0.113.7:50001')
  })
})

describe('a host behind a router that does not speak PCP', () => {
  it('falls back to NAT-PMP at once when the router says so', () => {
    const { run, mapped, what } = withRouter({ speaks: ['nat-pmp'] })
    run(0)
    expect(mapped()).toMatchObject({ protocol: 'nat-pmp', udp: '203.0.113.7:50000' })
    expect(mapped()?.tcp).toBe('203.0.113.7:50001')
    run(2 * HOUR)
    expect(what().filter((what) => what === 'pcp udp')).toHaveLength(1)
  })

  it('waits two seconds for the better ones before it asks UPnP', () => {
    const { run, mapped, timesOf } = withRouter({ speaks: ['upnp'] })
    run(1_999)
    expect(mapped()).toBeUndefined()
    run(2_000)
    expect(mapped()).toMatchObject({ protocol: 'upnp', udp: '203.0.113.7:50000' })
    expect(timesOf('upnp map tcp')).toEqual([2_000])
  })

  it('asks UPnP at once if nothing listens on the other port', () => {
    const { run, mapped } = withRouter({ speaks: ['upnp'], closed: true })
    run(0)
    expect(mapped()).toMatchObject({ protocol: 'upnp' })
  })

  it('gives UPnP and NAT-PMP mappings back as well', () => {
    const upnp = withRouter({ speaks: ['upnp'] })
    upnp.run(3_000)
    upnp.release()
    expect(upnp.what().slice(-2)).toEqual(['upnp unmap udp', 'upnp unmap tcp'])
    const natPmp = withRouter({ speaks: ['nat-pmp'] })
    natPmp.run(3_000)
    natPmp.release()
    expect(natPmp.what().slice(-2)).toEqual(['nat-pmp release udp', 'nat-pmp release tcp'])
  })

  it('keeps a UPnP mapping that could not be renewed once, until it runs out', () => {
    const { run, mapped, takeUpnp } = withRouter({ speaks: ['upnp'] })
    run(3_000)
    const request = { action: 'map', transport: 'udp', internalPort: 41_820 } as const
    const wish = { externalPort: 50_000, lifetimeS: 7_200 }
    takeUpnp({ outcome: 'failed', request: { ...request, ...wish }, fault: 'unreachable' })
    expect(mapped()).toBeDefined()
    takeUpnp({ outcome: 'failed', request: { ...request, ...wish }, fault: 'refused', code: 718 })
    expect(mapped()).toBeUndefined()
  })

  it('learns a new external address from NAT-PMP', () => {
    const { run, mapped, script } = withRouter({ speaks: ['nat-pmp'] })
    run(1_000)
    script.ip = '203.0.113.99'
    run(2 * HOUR)
    expect(mapped()).toMatchObject({ udp: '203.0.113.99:50000', tcp: '203.0.113.99:50001' })
  })
})

describe('a host behind a router that maps nothing', () => {
  it('asks less and less often, up to every seventeen minutes, and says so', () => {
    const { run, timesOf, why } = withRouter({})
    run(1_000)
    expect(why()).toBe('asking the gateway 192.168.1.1')
    run(24 * HOUR)
    const times = timesOf('pcp udp')
    const pauses = times.slice(1).map((at, i) => at - times[i]!)
    expect(pauses[0]).toBeGreaterThanOrEqual(2_700)
    expect(pauses[0]).toBeLessThanOrEqual(3_300)
    expect(Math.max(...pauses)).toBeLessThanOrEqual(1_024_000 * 1.1)
    expect(times.length).toBeLessThan(110)
    expect(why()).toBe('the gateway 192.168.1.1 speaks neither PCP nor NAT-PMP nor UPnP')
  })

  it('respects for how long PCP says that it will refuse, within reason', () => {
    const { run, timesOf, why } = withRouter({ speaks: ['pcp'], result: 8, lifetimeS: 1_000_000 })
    run(1_700_000)
    expect(timesOf('pcp udp')).toEqual([0])
    expect(why()).toBe('the gateway 192.168.1.1 forwards no port: PCP refused (8)')
    run(2 * HOUR)
    expect(timesOf('pcp udp').length).toBeGreaterThan(1)
  })

  it('tells what each protocol answered', () => {
    const { run, why } = withRouter({ speaks: ['nat-pmp', 'upnp'], result: 3, upnpError: 501 })
    run(3_000)
    expect(why()).toBe(
      'the gateway 192.168.1.1 forwards no port: PCP unsupported version, NAT-PMP refused (3), UPnP refused (501)',
    )
  })

  it('is told that its router is behind another NAT', () => {
    for (const ip of ['10.0.0.7', '100.64.0.7', '192.168.178.7']) {
      const { run, mapped, why } = withRouter({ speaks: ['pcp'], ip })
      run(1_000)
      expect(mapped()).toMatchObject({ udp: `${ip}:50000`, reachable: false })
      expect(why()).toContain('behind another NAT')
    }
  })
})

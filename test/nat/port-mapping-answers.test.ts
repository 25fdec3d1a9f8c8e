// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { GATEWAY, natPmpResponse, pcpResponse, withRouter } from './scripted-router.ts'

describe('what a router says', () => {
  it('counts only from the gateway, for our nonce, our protocol and our port', () => {
    const { run, requests, receive, mapped } = withRouter({})
    run(0)
    const grant = { epochS: 1, lifetimeS: 7_200, port: 50_000, ip: '203.0.113.7' }
    const right = pcpResponse(requests[0]!, grant)
    const wrong = (at: number) => {
      const bytes = right.slice()
      bytes[at]! ^= 1
      return bytes
    }
    expect(receive(right, '192.168.1.2')).toBe(false)
    for (const at of [24, 35, 36, 40, 41]) expect(receive(wrong(at))).toBe(false)
    expect(mapped()).toBeUndefined()
    expect(receive(right)).toBe(true)
    expect(mapped()).toBeDefined()
  })

  it('is refused if it names a port or an address at which nobody can be', () => {
    for (const [ip, port] of [
      ['0.0.0.0', 50_000],
      ['127.0.0.1', 50_000],
      ['169.254.1.1', 50_000],
      ['224.0.0.1', 50_000],
      ['203.0.113.7', 0],
    ] as const) {
      const { run, requests, receive, mapped, why } = withRouter({})
      run(0)
      receive(pcpResponse(requests[0]!, { epochS: 1, lifetimeS: 7_200, port, ip }))
      expect(mapped()).toBeUndefined()
      expect(why()).toContain('PCP bad answer')
    }
  })

  it('counts from documentation prefixes as from any other', () => {
    for (const ip of ['192.0.2.7', '198.51.100.7', '203.0.113.7']) {
      const { run, mapped } = withRouter({ speaks: ['pcp'], ip })
      run(0)
      expect(mapped()).toMatchObject({ reachable: true })
    }
  })

  it('of NAT-PMP counts only if a mapping was asked for', () => {
    const { run, receive, mapped, script } = withRouter({ speaks: ['pcp'] })
    script.silent = true
    run(0)
    const grant = { epochS: 1, lifetimeS: 7_200, port: 1, ip: '203.0.113.66' }
    const map = Uint8Array.of(0, 1, 0, 0, 0xa3, 0x5c, 0, 0, 0, 0, 0, 9)
    receive(natPmpResponse(map, grant))
    expect(mapped()).toBeUndefined()
  })

  it('is forgotten when the gateway or our own address is another one', () => {
    const { run, use, mapped, what } = withRouter({ speaks: ['pcp'] })
    run(1_000)
    use({ ...GATEWAY, local: '192.168.1.11' })
    expect(mapped()).toBeDefined()
    expect(what().filter((one) => one === 'pcp udp')).toHaveLength(2)
    use(undefined)
    expect(mapped()).toBeUndefined()
  })

  it('never throws, never loops and never makes us ask more than the pace allows, whatever it is', () => {
    const word = fc.oneof(
      fc.uint8Array({ maxLength: 80 }).map((bytes) => ({ kind: 'noise', bytes }) as const),
      fc.record({
        kind: fc.constant('pcp' as const),
        lifetimeS: fc.oneof(fc.constant(0xff_ff_ff_ff), fc.integer({ min: 0, max: 100 })),
        epochS: fc.integer({ min: 0, max: 0xff_ff_ff_ff }),
        port: fc.integer({ min: 0, max: 65_535 }),
        result: fc.integer({ min: 0, max: 14 }),
      }),
      fc.record({
        kind: fc.constant('nat-pmp' as const),
        lifetimeS: fc.oneof(fc.constant(0xff_ff_ff_ff), fc.integer({ min: 0, max: 100 })),
        epochS: fc.integer({ min: 0, max: 0xff_ff_ff_ff }),
        port: fc.integer({ min: 0, max: 65_535 }),
        result: fc.integer({ min: 0, max: 5 }),
      }),
    )
    const ip = '203.0.113.7'
    fc.assert(
      fc.property(fc.array(fc.tuple(word, fc.integer({ min: 0, max: 20_000 }))), (words) => {
        const { run, ask, receive, requests, asked } = withRouter({ silent: true })
        let ms = 0
        run(ms)
        for (const [said, pauseMs] of words) {
          const about = requests.findLast((bytes) => (bytes[0] === 2) === (said.kind === 'pcp'))
          if (said.kind === 'noise') receive(said.bytes)
          else if (about !== undefined) {
            const make = said.kind === 'pcp' ? pcpResponse : natPmpResponse
            receive(make(about, { ...said, ip }))
          }
          ask()
          ms += pauseMs
          run(ms)
        }
        // Two ports every four seconds, and three questions an attempt; a lost mapping begins anew.
        expect(asked.length).toBeLessThanOrEqual(8 + 4 * words.length + (5 * ms) / 2_700)
      }),
      { numRuns: 300 },
    )
  })
})

// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest'
import {
  parseIpv4Routes,
  parseIpv6Routes,
  readDefaultRoutes,
} from '../../../../agent/shell/router/default-gateway.ts'

const IPV4 = `Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
eth0	00000000	0101A8C0	0003	0	0	100	00000000	0	0	0
wlan0	00000000	FE01A8C0	0003	0	0	600	00000000	0	0	0
tun0	00000000	00000000	0001	0	0	0	00000000	0	0	0
eth1	00000000	0101A8C0	0203	0	0	0	00000000	0	0	0
eth0	0001A8C0	00000000	0001	0	0	100	00FFFFFF	0	0	0
tun0	00000000	0101000A	0003	0	0	0	00000080	0	0	0
`
const ZERO = '0'.repeat(32)
const IPV6 = `${ZERO} 00 ${ZERO} 00 fe800000000000000000000000000001 00000400 00000001 00000000 00450003     eth0
20010db8000000000000000000000000 40 ${ZERO} 00 ${ZERO} 00000100 00000001 00000000 00000001     eth0
${ZERO} 00 ${ZERO} 00 ${ZERO} ffffffff 00000001 00000000 00200200       lo
`

describe('the default gateway', () => {
  test('is read from the IPv4 table: routes of all, up, that lead over a router', () => {
    expect(parseIpv4Routes(IPV4, true)).toEqual([
      { gateway: '192.168.1.1', interface: 'eth0', metric: 100 },
      { gateway: '192.168.1.254', interface: 'wlan0', metric: 600 },
    ])
    expect(parseIpv4Routes(IPV4.replaceAll('0101A8C0', 'C0A80101'), false)[0]?.gateway).toBe(
      '192.168.1.1',
    )
  })

  test('is read from the IPv6 table', () => {
    expect(parseIpv6Routes(IPV6)).toEqual([{ gateway: 'fe80::1', interface: 'eth0', metric: 1024 }])
  })

  test('is none in what is no table', () => {
    for (const text of ['', '\n\n', 'x', 'eth0\t00000000', 'eth0 00000000 zz 3 0 0 0 00000000']) {
      expect(parseIpv4Routes(text)).toEqual([])
      expect(parseIpv6Routes(text)).toEqual([])
    }
  })

  test('is none on interfaces that do not count', () => {
    expect(readDefaultRoutes(() => true)).toEqual({ ipv4: undefined, ipv6: undefined })
  })
})

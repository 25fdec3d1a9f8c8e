// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeSsdpAnswer, encodeSsdpSearch } from '../../nat/ssdp-codec.ts'
import { decodeDescription, gatewayUrl } from '../../nat/upnp-description.ts'
import { decodeSoap, soapBody, soapErrorCode, soapPort } from '../../nat/upnp-soap.ts'
import { xmlLeaves } from '../../nat/xml-elements.ts'

const GATEWAY = '192.168.1.1'
const bytes = (text: string) => Uint8Array.from(text, (letter) => letter.charCodeAt(0))

const service = (type: string, control: string) =>
  `<service><serviceType>urn:schemas-upnp-org:service:${type}</serviceType>
   <serviceId>x</serviceId><controlURL>${control}</controlURL></service>`
const description = (inner: string, head = '') => `<?xml version="1.0"?>
<root xmlns="urn:schemas-upnp-org:device-1-0">${head}<device><!-- <service> -->
<deviceList><device attr="a > b"><serviceList>${inner}</serviceList></device></deviceList></device></root>`
const from = { port: 5000, path: '/desc/root.xml' }

describe('an SSDP answer', () => {
  it('says where the description is, whatever the case of its headers', () => {
    const answer = 'HTTP/1.1 200 OK\r\nST: x\r\nLocation: http://192.168.1.1:5000/root.xml\r\n\r\n'
    expect(decodeSsdpAnswer(bytes(answer))).toEqual({
      ok: true,
      value: { location: 'http://192.168.1.1:5000/root.xml' },
    })
  })

  it('is no search, no announcement, nothing without a place and nothing too long', () => {
    const search = encodeSsdpSearch('upnp:rootdevice')
    const notify = bytes('NOTIFY * HTTP/1.1\r\nLocation: http://192.168.1.1/\r\n\r\n')
    const placeless = bytes('HTTP/1.1 200 OK\r\n\r\n')
    const long = bytes(`HTTP/1.1 200 OK\r\nLocation: http://192.168.1.1/${'x'.repeat(2_048)}`)
    for (const message of [search, notify, placeless, long]) {
      expect(decodeSsdpAnswer(message)).toEqual({ ok: false, error: 'malformed' })
    }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 3_000 }), (noise) => void decodeSsdpAnswer(noise)),
    )
  })
})

describe('a URL of the gateway', () => {
  it('is plain HTTP at its own address', () => {
    expect(gatewayUrl('http://192.168.1.1:5000/a?b#c', GATEWAY)).toEqual({
      port: 5000,
      path: '/a?b',
    })
    expect(gatewayUrl('HTTP://192.168.1.1', GATEWAY)).toEqual({ port: 80, path: '/' })
  })

  it('is nothing that leads elsewhere or could split a request', () => {
    for (const url of [
      'http://192.168.1.2/',
      'http://192.168.1.1.evil.example/',
      'http://192.168.1.1@203.0.113.9/',
      'http://user@192.168.1.1/',
      'https://192.168.1.1/',
      'http://192.168.1.1:0/',
      'http://192.168.1.1:65536/',
      'http://192.168.1.1/a b',
      'http://192.168.1.1/a\r\nX: y',
      'http://0192.168.1.1/',
      'http://router.local/',
      `http://192.168.1.1/${'a'.repeat(600)}`,
    ]) {
      expect(gatewayUrl(url, GATEWAY)).toBeUndefined()
    }
  })
})

describe('a device description', () => {
  it('names the services that map ports, the best first, wherever they stand', () => {
    const text = description(
      service('Layer3Forwarding:1', '/l3f') +
        service('WANPPPConnection:1', 'ppp') +
        service('WANIPConnection:1', '/ctl/IPConn') +
        service('WANIPConnection:2', 'http://192.168.1.1:6000/ctl2'),
    )
    expect(decodeDescription(text, GATEWAY, from)).toEqual({
      ok: true,
      value: [
        {
          type: 'urn:schemas-upnp-org:service:WANIPConnection:2',
          control: { port: 6000, path: '/ctl2' },
        },
        {
          type: 'urn:schemas-upnp-org:service:WANIPConnection:1',
          control: { port: 5000, path: '/ctl/IPConn' },
        },
        {
          type: 'urn:schemas-upnp-org:service:WANPPPConnection:1',
          control: { port: 5000, path: '/desc/ppp' },
        },
      ],
    })
  })

  it('may name another base, but not another host', () => {
    const base = (url: string) =>
      description(service('WANIPConnection:1', 'c'), `<URLBase>${url}</URLBase>`)
    const portOf = (text: string) => {
      const decoded = decodeDescription(text, GATEWAY, from)
      return decoded.ok ? decoded.value[0]?.control : undefined
    }
    expect(portOf(base('http://192.168.1.1:7000/x/'))).toEqual({ port: 7000, path: '/x/c' })
    expect(portOf(base('http://203.0.113.9:7000/x/'))).toEqual({ port: 5000, path: '/desc/c' })
  })

  it('whose services are all elsewhere has none', () => {
    for (const control of ['http://203.0.113.9/c', '//203.0.113.9/c', 'javascript:x', '', 'a b']) {
      const text = description(service('WANIPConnection:1', control))
      expect(decodeDescription(text, GATEWAY, from)).toEqual({ ok: false, error: 'no-service' })
    }
  })
})

describe('XML', () => {
  it('is read to its leaves, without prefixes, with the five entities that it always has', () => {
    const text = '<a:b xmlns:a="x"><c>1 &lt;&amp;&#65;&evil;</c><d/><e><f> 2 </f></e></a:b>'
    expect(xmlLeaves(text)).toEqual({
      ok: true,
      value: [
        { name: 'c', text: '1 <&&#65;&evil;', parent: 1 },
        { name: 'd', text: '', parent: 1 },
        { name: 'f', text: '2', parent: 4 },
      ],
    })
  })

  it('is refused if it is not well-formed, declares anything, or is too deep, too long or too much', () => {
    for (const text of [
      '',
      'text',
      '<a>',
      '<a></b>',
      '</a>',
      '<a><b></a></b>',
      '<a b="></a>',
      '<a <b></b></a>',
      '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
      '<a><![CDATA[b]]></a>',
      '<a><!-- </a>',
      '<1/>',
      `${'<a>'.repeat(17)}${'</a>'.repeat(17)}`,
      `<a>${'<b/>'.repeat(2_000)}</a>`,
      `<a>${'b'.repeat(65_536)}</a>`,
    ]) {
      expect(xmlLeaves(text)).toEqual({ ok: false, error: 'malformed' })
    }
  })

  it('never makes the reader throw or take long, whatever is cut, altered or made up', () => {
    const whole = description(service('WANIPConnection:1', '/c'))
    for (let i = 0; i < whole.length; i++) {
      expect(xmlLeaves(whole.slice(0, i)).ok).toBe(false)
      for (const letter of ['<', '>', '&', '"', '/', '\0']) {
        decodeDescription(`${whole.slice(0, i)}${letter}${whole.slice(i + 1)}`, GATEWAY, from)
      }
    }
    const piece = fc.constantFrom(
      '<',
      '>',
      '</',
      '/>',
      '<!--',
      '-->',
      '<?',
      '?>',
      '"',
      "'",
      'a',
      ':',
      ' ',
      '&lt;',
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 200 }), (pieces) => {
        const read = xmlLeaves(pieces.join(''))
        if (!read.ok) expect(read.error).toBe('malformed')
      }),
    )
    const startedAt = performance.now()
    for (const piece of ['<', '<a ', '<!--', '<a b="', '&', '</', '<a>']) {
      expect(xmlLeaves(piece.repeat(65_536 / piece.length)).ok).toBe(false)
    }
    expect(performance.now() - startedAt).toBeLessThan(1_000)
  })
})

describe('a SOAP call', () => {
  it('is written as WANIPConnection wants it', () => {
    const body = soapBody('urn:schemas-upnp-org:service:WANIPConnection:1', 'DeletePortMapping', {
      NewRemoteHost: '',
      NewExternalPort: 41_820,
      NewProtocol: 'UDP',
    })
    expect(body).toContain(
      '<u:DeletePortMapping xmlns:u="urn:schemas-upnp-org:service:WANIPConnection:1">' +
        '<NewRemoteHost></NewRemoteHost><NewExternalPort>41820</NewExternalPort>' +
        '<NewProtocol>UDP</NewProtocol></u:DeletePortMapping>',
    )
    expect(xmlLeaves(body).ok).toBe(true)
  })

  it('is answered with values, or with the number of a fault', () => {
    const fault = decodeSoap(
      '<s:Envelope><s:Body><s:Fault><faultcode>s:Client</faultcode><detail><UPnPError>' +
        '<errorCode>718</errorCode></UPnPError></detail></s:Fault></s:Body></s:Envelope>',
    )
    expect(fault.ok && soapErrorCode(fault.value)).toBe(718)
    const values = new Map([
      ['good', '50000'],
      ['zero', '0'],
      ['large', '70000'],
      ['hex', '0x10'],
    ])
    expect(soapPort(values, 'good')).toEqual({ ok: true, value: 50_000 })
    for (const name of ['zero', 'large', 'hex', 'missing']) {
      expect(soapPort(values, name).ok).toBe(false)
    }
    expect(soapErrorCode(new Map([['errorCode', '718<']]))).toBeUndefined()
  })
})

// SPDX-License-Identifier: Apache-2.0
import { createSocket } from 'node:dgram'

/**
 * A router whose NAT-PMP and PCP answers are wrong in a different way each time: too short, too long, of no known version,
 * for somebody else, or a success that maps nothing. Run as `nonsense-responder.ts PORT`.
 */
const natPmpVersion = 0
const pcpVersion = 2
const responseBit = 0x80
/** RFC 6887 section 7: no PCP message is longer; ours is. */
const pcpBytesMax = 1100

type Nonsense = (request: Buffer) => Buffer

const kinds: readonly Nonsense[] = [
  () => Buffer.alloc(1),
  // A version that nobody knows, and a result code that is none.
  (request) =>
    Buffer.from([255, responseBit | (request[1] ?? 0), 255, 255, ...request.subarray(4)]),
  // The request itself, as a reflector would send it.
  (request) => request,
  // Success at once, cut off in the middle of the header.
  (request) => Buffer.from([request[0] ?? 0, responseBit | (request[1] ?? 0), 0, 0, 0]),
  // NAT-PMP: success, mapped to port 0, for no time. PCP: success for a nonce and an address that nobody asked for.
  (request) => (request[0] === natPmpVersion ? emptyMapping(request) : strangersMapping(request)),
  () => Buffer.alloc(pcpBytesMax + 1, 0xa5),
  // Text, as from a server of another protocol on the port.
  () => Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'),
]

/** RFC 6886 section 3.3, all fields after the result zero. */
function emptyMapping(request: Buffer): Buffer {
  const answer = Buffer.alloc(16)
  answer[1] = responseBit | (request[1] ?? 0)
  return answer
}

/** RFC 6887 sections 7.2 and 11.1. */
function strangersMapping(request: Buffer): Buffer {
  const answer = Buffer.alloc(60, 0x5a)
  answer.set([pcpVersion, responseBit | (request[1] ?? 0), 0, 0], 0)
  return answer
}

let answered = 0
const socket = createSocket('udp4')
socket.on('message', (request, from) => {
  const nonsense = kinds[answered++ % kinds.length]?.(request) ?? Buffer.alloc(0)
  socket.send(nonsense, from.port, from.address)
})
socket.bind(Number(process.argv[2]))

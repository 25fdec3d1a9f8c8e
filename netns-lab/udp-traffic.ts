// SPDX-License-Identifier: Apache-2.0
import { createSocket } from 'node:dgram'
import { TRAFFIC_MARK } from './udp-traffic-mark.ts'

/**
 * Traffic that counts itself, run in a host of a lab:
 *
 *   udp-traffic.ts answer PORT [DELAY_MS] sends every datagram back, after that time, until it is ended
 *   udp-traffic.ts ask IP PORT PACE_MS    sends numbered datagrams at a steady pace until SIGINT, then prints a Tally
 */
export interface Tally {
  readonly sent: number
  /** Wall clock in ms when each answer first came, by the number of its question; null if none came. */
  readonly answeredAt: readonly (number | null)[]
  readonly duplicates: number
}

/** What is still on its way when the sender stops gets this long. */
const LAST_ANSWERS_MS = 500
const HEADER_BYTES = 4
/** An ordinary voice packet. */
const PAYLOAD_BYTES = 160

const [role, ...words] = process.argv.slice(2)
if (role === 'answer') answer(Number(words[0]), Number(words[1] ?? 0))
else if (role === 'ask') ask(words[0] ?? '', Number(words[1]), Number(words[2]))
else throw new Error('udp-traffic: say "answer PORT [DELAY_MS]" or "ask IP PORT PACE_MS"')

function answer(port: number, delayMs: number): void {
  const socket = createSocket('udp4')
  // A cut path makes the kernel complain of what it cannot deliver.
  socket.on('error', () => undefined)
  socket.on('message', (datagram, from) => {
    const send = () => socket.send(datagram, from.port, from.address)
    if (delayMs === 0) send()
    else setTimeout(send, delayMs)
  })
  socket.bind(port)
}

function ask(ip: string, port: number, paceMs: number): void {
  const socket = createSocket('udp4')
  const answeredAt: (number | null)[] = []
  let duplicates = 0
  socket.on('error', () => undefined)
  socket.on('message', (datagram) => {
    const number = datagram.readUInt32BE(0)
    if (answeredAt[number] === null) answeredAt[number] = Date.now()
    else duplicates += 1
  })
  const startMs = performance.now()
  const timer = setInterval(() => {
    // Timers of a busy machine come late; what they owe is sent at once.
    while (startMs + answeredAt.length * paceMs <= performance.now()) {
      const datagram = Buffer.alloc(HEADER_BYTES + PAYLOAD_BYTES)
      datagram.writeUInt32BE(answeredAt.length, 0)
      datagram.write(TRAFFIC_MARK, HEADER_BYTES, 'latin1')
      answeredAt.push(null)
      socket.send(datagram, port, ip, () => undefined)
    }
  }, paceMs)
  process.once('SIGINT', () => {
    clearInterval(timer)
    setTimeout(() => {
      const tally: Tally = { sent: answeredAt.length, answeredAt, duplicates }
      process.stdout.write(`${JSON.stringify(tally)}\n`, () => process.exit(0))
    }, LAST_ANSWERS_MS)
  })
  socket.bind(0)
}

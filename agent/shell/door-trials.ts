// SPDX-License-Identifier: Apache-2.0
/**
 * Tries, for another member, whether a stranger reaches its addresses: by STUN over UDP and by a connection over TCP, both
 * from ports of their own, because a filter lets in whoever was written to. Only global addresses that the member names in
 * its record are tried, which members send probes to in any case; and not often.
 */
import { randomBytes } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { addressParts, type TransportAddress } from '../../nat/address.ts'
import { addressScope } from '../../nat/address-scope.ts'
import type { Candidate } from '../../nat/candidate.ts'
import type { Question, Told } from '../../topology/ask-frame.ts'
import type { NodeId } from '../../topology/identity.ts'
import { stunCodec } from './stun-codec.ts'
import { dialTcp } from './tcp-reach.ts'
import { RateLimit } from './underlay/rate-limit.ts'

/** Both are tried at once; less than whoever asks has patience for. */
const TRIAL_MS = 1_500
const STUN_GAP_MS = 300
const PER_SECOND_AND_MEMBER = 0.2
const BURST = 8
const AT_ONCE_MAX = 16

export class DoorTrials {
  readonly #rate = new RateLimit(PER_SECOND_AND_MEMBER, BURST)
  #underWay = 0

  /** `candidates`: those of the asking member's record. */
  async answer(
    from: NodeId,
    candidates: readonly Candidate[],
    { udp, tcp }: Extract<Question, { kind: 'dial' }>,
  ): Promise<Told> {
    const named = new Set(candidates.map(({ address }) => addressParts(address).ip))
    const mayTry = ({ ip }: { ip: string }) => named.has(ip) && addressScope(ip) === 'global'
    if (![udp, tcp].map(addressParts).every(mayTry)) return { kind: 'fault', fault: 'refused' }
    if (this.#underWay >= AT_ONCE_MAX || !this.#rate.take(from))
      return { kind: 'fault', fault: 'busy' }
    this.#underWay += 1
    try {
      const [overUdp, overTcp] = await Promise.all([tryUdp(udp), tryTcp(tcp)])
      return { kind: 'dial', result: { udp: overUdp, tcp: overTcp } }
    } finally {
      this.#underWay -= 1
    }
  }
}

/** Whether a STUN server answers there. */
export function tryUdp(to: TransportAddress): Promise<boolean> {
  const { ip, port, family } = addressParts(to)
  const transaction = randomBytes(12).toString('hex')
  const socket = createSocket(family === 'ipv4' ? 'udp4' : 'udp6')
  return new Promise((resolve) => {
    const ask = () =>
      socket.send(stunCodec.encodeBindingRequest(transaction), port, ip, () => undefined)
    const asking = setInterval(ask, STUN_GAP_MS)
    const end = (isOpen: boolean) => {
      clearInterval(asking)
      clearTimeout(patience)
      socket.removeAllListeners('message')
      socket.close()
      resolve(isOpen)
    }
    const patience = setTimeout(() => end(false), TRIAL_MS)
    socket.once('error', () => end(false))
    socket.on('message', (message) => {
      const answer = stunCodec.decode(Uint8Array.from(message))
      if (answer.ok && answer.value.transaction === transaction) end(true)
    })
    ask()
  })
}

/** Whether somebody accepts connections there. */
export async function tryTcp(to: TransportAddress): Promise<boolean> {
  const { ip, port } = addressParts(to)
  return (await dialTcp(ip, port, TRIAL_MS)).outcome === 'connected'
}

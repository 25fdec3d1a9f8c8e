// SPDX-License-Identifier: Apache-2.0
/**
 * Session descriptions (RFC 8866, RFC 8841) as libdatachannel wants them. What a peer said is never handed to that library as
 * text of the peer's own making: the text is made here, of parts that were checked.
 */
import { addressParts, transportAddress } from '../../../nat/address.ts'
import type {
  ChannelCandidate,
  ChannelCandidateKind,
  IceCredentials,
} from '../../../topology/signal.ts'

/** The one section of a description, which is the data channels'. */
export const MEDIA_ID = '0'

/** RFC 8445's recommendation: host candidates before server-reflexive ones, relayed ones last. */
const TYPE_PREFERENCE: Readonly<Record<ChannelCandidateKind, number>> = {
  host: 126,
  'server-reflexive': 100,
  relayed: 0,
}

const TYPE_NAME: Readonly<Record<ChannelCandidateKind, string>> = {
  host: 'host',
  'server-reflexive': 'srflx',
  relayed: 'relay',
}

/** `role`: who offers leaves the DTLS role to the other, who takes the active one. */
export function sessionDescription(
  { ufrag, password, fingerprint }: IceCredentials,
  role: 'offer' | 'answer',
): string {
  const pairs = Buffer.from(fingerprint).toString('hex').toUpperCase().match(/../g) ?? []
  const lines = [
    'v=0',
    'o=- 1 0 IN IP4 127.0.0.1',
    's=-',
    't=0 0',
    `a=group:BUNDLE ${MEDIA_ID}`,
    'a=ice-options:ice2,trickle',
    `a=fingerprint:sha-256 ${pairs.join(':')}`,
    'm=application 9 UDP/DTLS/SCTP webrtc-datachannel',
    'c=IN IP4 0.0.0.0',
    `a=mid:${MEDIA_ID}`,
    'a=sendrecv',
    'a=sctp-port:5000',
    'a=max-message-size:262144',
    `a=setup:${role === 'offer' ? 'actpass' : 'active'}`,
    `a=ice-ufrag:${ufrag}`,
    `a=ice-pwd:${password}`,
  ]
  return `${lines.join('\r\n')}\r\n`
}

/** Undefined if the library's own description lacks something that it must have. */
export function credentialsOf(description: string): IceCredentials | undefined {
  const field = (name: string) => new RegExp(`^a=${name}:(.*)$`, 'm').exec(description)?.[1]?.trim()
  const ufrag = field('ice-ufrag')
  const password = field('ice-pwd')
  const [algorithm, digits = ''] = (field('fingerprint') ?? '').split(' ')
  const fingerprint = Uint8Array.from(Buffer.from(digits.replaceAll(':', ''), 'hex'))
  if (ufrag === undefined || password === undefined) return undefined
  return algorithm === 'sha-256' && fingerprint.length === 32
    ? { ufrag, password, fingerprint }
    : undefined
}

/** Undefined for what is no UDP candidate, and for names in place of addresses. */
export function candidateOf(line: string): ChannelCandidate | undefined {
  const [, component, transport, , ip, port, , type] = line.replace(/^a=/, '').split(' ')
  const kind = (['host', 'server-reflexive', 'relayed'] as const).find((k) => TYPE_NAME[k] === type)
  if (component !== '1' || transport?.toUpperCase() !== 'UDP' || kind === undefined)
    return undefined
  const address = transportAddress(ip ?? '', Number(port))
  return address.ok ? { kind, address: address.value } : undefined
}

/** `place`: of the candidate among all of the peer's; earlier ones are preferred. */
export function candidateLine({ kind, address }: ChannelCandidate, place: number): string {
  const { ip, port, family } = addressParts(address)
  const local = (family === 'ipv6' ? 32_768 : 0) + 32_767 - Math.min(place, 32_767)
  const priority = TYPE_PREFERENCE[kind] * 2 ** 24 + local * 2 ** 8 + 255
  const related = kind === 'host' ? '' : ` raddr ${family === 'ipv6' ? '::' : '0.0.0.0'} rport 0`
  return `a=candidate:${place + 1} 1 UDP ${priority} ${ip} ${port} typ ${TYPE_NAME[kind]}${related}`
}

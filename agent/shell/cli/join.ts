// SPDX-License-Identifier: Apache-2.0
import { text as readAll } from 'node:stream/consumers'
import { makeJoinRequest } from '../../../topology/admission.ts'
import { x25519KeyOf } from '../../../topology/identity.ts'
import { type JoinReply, readJoinReply } from '../../../topology/join-reply.ts'
import { parseToken, type Token } from '../../../topology/token.ts'
import { delay, readClock } from '../clock.ts'
import { Failure } from '../failure.ts'
import { nodeCrypto, signerOf, x25519PublicKey } from '../node-crypto.ts'
import type { StateDir } from '../state/state-dir.ts'
import { startAndWait } from './first-contact.ts'
import { mayStartServices, startCommand } from './services.ts'
import { openState } from './state-owner.ts'
import { askMembers } from './ask-members.ts'
import { type CommandContext, note, print } from './context.ts'
import { refusalFailure, replyFailure, tokenFailure } from './join-failure.ts'
import { nameOfThisHost } from './membership.ts'
import { parseDuration } from './option-values.ts'

/** A person takes longer; the host comes in within moments of the yes. */
const APPROVAL_POLL_MS = 2_000

interface JoinOptions {
  readonly name?: string
  /** False with --no-start. */
  readonly start: boolean
  /** How long to wait for a person. */
  readonly wait: string
}

/** `meshgate join`: needs no root. Repeatable: keys are kept before anybody is asked. */
export async function join(
  context: CommandContext,
  options: JoinOptions,
  argument: string,
): Promise<number> {
  const waitMs = parseDuration('--wait', options.wait)
  const state = openState(context.stateDir)
  const known = state.loadMembership()
  if (known !== undefined)
    throw new Failure(
      'already-a-member',
      `this host is ${known.certificate.name} of network ${known.network.name} already`,
      { remedy: 'leave it first with `meshgate leave`, or choose another --state-dir' },
    )
  const token = readToken(argument === '-' ? await readAll(process.stdin) : argument)
  const name = nameOfThisHost(context, options.name)
  const reply = await waitForAdmission(context, { state, token, name }, waitMs)
  if (reply.kind === 'refused') throw refusalFailure(reply)
  state.saveRecords(reply.records)
  state.saveMembership(reply.network, reply.certificateBytes)
  const { certificate, network } = reply
  const document = {
    network: network.name,
    networkId: network.id,
    name: certificate.name,
    nodeId: certificate.node,
    addresses: [certificate.ipv4, certificate.ipv6],
    tags: certificate.tags,
    certificateNotAfter: new Date(certificate.notAfter).toISOString(),
  }
  const text = `joined network ${network.name} as ${certificate.name}: ${certificate.ipv4}, ${certificate.ipv6}`
  const starts = options.start && mayStartServices(context)
  if (!starts) {
    print(context, document, `${text}\n\nRun the agent:   ${startCommand(context)}`)
    return 0
  }
  print(context, document, text)
  await startAndWait(context, 'peer')
  return 0
}

function readToken(pasted: string): Token {
  const token = parseToken(pasted, nodeCrypto, readClock().wall)
  if (!token.ok) throw tokenFailure(token.error)
  return token.value
}

interface Admission {
  readonly state: StateDir
  readonly token: Token
  readonly name: string
}

/** Asks again while a person has to decide. */
async function waitForAdmission(
  context: CommandContext,
  admission: Admission,
  waitMs: number,
): Promise<JoinReply> {
  const untilMs = performance.now() + waitMs
  for (let round = 0; ; round++) {
    const quiet = round === 0 ? context : { ...context, json: true }
    const reply = await askForAdmission(quiet, admission)
    const waits = reply.kind === 'refused' && reply.reason === 'awaiting-approval'
    if (!waits || performance.now() >= untilMs) return reply
    if (round === 0)
      note(
        context,
        `waiting for a person: \`meshgate node approve ${admission.name}\` there lets this host in`,
      )
    await delay(APPROVAL_POLL_MS)
  }
}

async function askForAdmission(
  context: CommandContext,
  { state, token, name }: Admission,
): Promise<JoinReply> {
  const keys = state.loadOrMakeKeys()
  const wish = {
    token,
    wireguardKey: x25519KeyOf(x25519PublicKey(keys.wireguardKey)),
    probeKey: x25519KeyOf(x25519PublicKey(keys.probeKey)),
    name,
    now: readClock().wall,
  }
  const request = makeJoinRequest(wish, signerOf(keys.seed), nodeCrypto)
  const answer = await askMembers({
    token,
    seed: keys.seed,
    request,
    onProgress: (line) => note(context, line),
  })
  const { authorityKey } = token
  const reply = readJoinReply(answer, { authorityKey, request, now: readClock().wall }, nodeCrypto)
  if (!reply.ok) throw replyFailure(reply.error)
  return reply.value
}

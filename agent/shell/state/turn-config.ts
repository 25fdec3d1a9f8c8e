// SPDX-License-Identifier: Apache-2.0
/** `[[turn]]` in the configuration file: TURN servers, and how each lets this host in. */
import { isAbsolute } from 'node:path'
import { z } from 'zod'
import type { DesiredTurnServer } from '../../core/helper-contract.ts'
import { readNamedFile } from './named-file.ts'

/** The helper keeps no more allocations. */
const SERVERS_MAX = 8

/** The helper's bound on names, passwords and secrets, in bytes. */
const TEXT_BYTES_MAX = 512

/** So that the ids of paths, which name server and endpoint, fit into the helper's 96 bytes. */
const ID = /^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/

const HOST = String.raw`(?:[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?|\[[0-9a-f:.]{2,45}\])`
const URL = new RegExp(
  String.raw`^(?:turn:${HOST}(?::\d{1,5})?(?:\?transport=(?:udp|tcp))?|turns:${HOST}(?::\d{1,5})?(?:\?transport=tcp)?)$`,
  'i',
)

// oxlint-disable-next-line no-control-regex -- what the helper refuses, too
const CONTROL = /[\u0000-\u001f]/

const isText = (text: string) =>
  text !== '' && Buffer.byteLength(text) <= TEXT_BYTES_MAX && !CONTROL.test(text)

const text = z.string().refine(isText, `is no text of 1 to ${TEXT_BYTES_MAX} bytes`)
const path = z.string().refine(isAbsolute, 'is no absolute path')

export const turnConfigSchema = z
  .array(
    z.strictObject({
      id: z.string().regex(ID, 'is no short name'),
      url: z.string().regex(URL, 'is no URL of a TURN server'),
      username: text.exactOptional(),
      password: text.exactOptional(),
      password_file: path.exactOptional(),
      secret: text.exactOptional(),
      secret_file: path.exactOptional(),
      ca: path.exactOptional(),
    }),
  )
  .max(SERVERS_MAX, `has more than ${SERVERS_MAX} entries`)

export type TurnConfig = z.output<typeof turnConfigSchema>[number]
type TurnKey = keyof TurnConfig

export const TURN_REMEDIES: Readonly<Record<TurnKey, string>> = {
  id: 'write a short name that paths are told by, each another one: id = "frankfurt"',
  url: 'write "turn:turn.example:3478?transport=udp", the same with tcp, or "turns:turn.example:443?transport=tcp"',
  username: 'write the name that the server knows: username = "mesh"',
  password: 'write the password, or better password_file; with a shared secret leave it out',
  password_file:
    'name a file that holds nothing but the password, for root alone to read (mode 0600)',
  secret:
    'write the secret that passwords are made of, or better secret_file; not besides a password',
  secret_file: 'name a file that holds nothing but the secret, for root alone to read (mode 0600)',
  ca: 'name a file of certificates in PEM, with a turns: URL only: ca = "/etc/meshgate/turn-ca.pem"',
}

/** What a message may show of a value: no password, and nothing in which one may stand. */
export function shownOfTurn(key: PropertyKey | undefined, value: unknown): unknown {
  const isSecret = key === 'password' || key === 'secret'
  const mayHold = typeof value === 'object' || (typeof value === 'string' && value.includes('@'))
  return isSecret || mayHold ? null : value
}

export interface TurnProblem {
  /** Of the list, from 0. */
  readonly index: number
  readonly key: TurnKey
  readonly value: unknown
  readonly problem: string
}

export interface TurnServers {
  readonly servers: readonly DesiredTurnServer[]
  readonly problems: readonly TurnProblem[]
}

/** Judges what one field alone does not show, and reads the files that hold passwords. */
export function readTurnServers(list: readonly TurnConfig[]): TurnServers {
  const problems: TurnProblem[] = []
  const servers = list.map((entry, index): DesiredTurnServer => {
    const bad = (key: TurnKey, problem: string) =>
      problems.push({ index, key, value: shownOfTurn(key, entry[key]), problem })
    if (list.findIndex(({ id }) => id === entry.id) < index) bad('id', 'is given twice')
    const { username, password_file: passwordFile, secret_file: secretFile, ca } = entry
    const password = entry.password ?? textOf(passwordFile, (why) => bad('password_file', why))
    const secret = entry.secret ?? textOf(secretFile, (why) => bad('secret_file', why))
    const ways = [entry.password, passwordFile, entry.secret, secretFile].filter(
      (way) => way !== undefined,
    )
    if (ways.length > 1)
      bad(secret === undefined ? 'password' : 'secret', 'is given besides another')
    if (username !== undefined && ways.length === 0) bad('password', 'is missing')
    if (username === undefined && (entry.password ?? passwordFile) !== undefined)
      bad('username', 'is missing')
    if (ca !== undefined && !/^turns:/i.test(entry.url)) bad('ca', 'is of no use without TLS')
    if (ca !== undefined) readNamedFile(ca, (why) => bad('ca', why))
    return {
      id: entry.id,
      url: entry.url,
      ...(username !== undefined && { username }),
      ...(password !== undefined && { password }),
      ...(secret !== undefined && { secret }),
      ...(ca !== undefined && { ca }),
    }
  })
  return { servers, problems }
}

/** The one text in a file, without the end of its line. */
function textOf(file: string | undefined, bad: (why: string) => void): string | undefined {
  if (file === undefined) return undefined
  const whole = readNamedFile(file, bad, { isSecret: true })?.replace(/\r?\n$/, '')
  if (whole === undefined || isText(whole)) return whole
  bad(`does not hold a text of 1 to ${TEXT_BYTES_MAX} bytes on one line`)
  return undefined
}

// SPDX-License-Identifier: Apache-2.0
/** Values of options, read once and checked; a bad one is a usage failure that names the option. */
import { canonicalIp } from '../../../nat/address.ts'
import { Failure } from '../failure.ts'

const UNIT_MS: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

/** `90s`, `30m`, `1h`, `7d`. */
export function parseDuration(option: string, text: string): number {
  const match = /^([1-9][0-9]{0,5})([smhd])$/.exec(text)
  if (match === null) throw usage(`${option} ${text} is not a duration`, 'write 30m, 1h or 7d')
  return Number(match[1]) * UNIT_MS[match[2]!]!
}

export function parseCount(option: string, text: string, min: number, max: number): number {
  const value = /^[0-9]{1,9}$/.test(text) ? Number(text) : Number.NaN
  if (value >= min && value <= max) return value
  throw usage(`${option} ${text} is out of range`, `give a whole number from ${min} to ${max}`)
}

/** `IP` or `IP:port`, `[IPv6]:port`; the port is undefined if it was left out. */
export function parseHostAddress(
  option: string,
  text: string,
): { readonly ip: string; readonly port: number | undefined } {
  const match = /^(?:\[([^\]]+)\]|([^:]+))(?::([0-9]{1,5}))?$/.exec(text)
  const ip = canonicalIp(match?.[1] ?? match?.[2] ?? text)
  const port = match?.[3] === undefined ? undefined : Number(match[3])
  if (ip.ok && (port === undefined || (port >= 1 && port <= 65_535))) return { ip: ip.value, port }
  throw usage(`${option} ${text} is not an IP address`, 'write 203.0.113.7 or 203.0.113.7:41820')
}

export function usage(message: string, remedy: string): Failure {
  return new Failure('usage', message, { remedy, exitCode: 2 })
}

// SPDX-License-Identifier: Apache-2.0
/** What may be asked of the page's port: judged by the head of a request alone, before a byte of its body is read. */
import type { IncomingHttpHeaders } from 'node:http'

/** Host names are told apart by port, cookies are not: two agents on one host must not share one. */
export const cookieName = (port: number) => `meshgate-${port}`

export type HeadFault = 'wrong-host' | 'wrong-origin' | 'too-large'

export interface RequestHead {
  readonly method: string
  readonly headers: IncomingHttpHeaders
}

/** As much as any route reads of a body. */
export const PAGE_BODY_BYTES_MAX = 64 * 1024

/**
 * Undefined if nothing speaks against it. Host: a name of somebody else's that was made to resolve to
 * 127.0.0.1 (DNS rebinding) still stands in it. Origin, Sec-Fetch-Site: other pages of the same browser.
 */
export function headFault({ method, headers }: RequestHead, port: number): HeadFault | undefined {
  const hosts = [`127.0.0.1:${port}`, `localhost:${port}`]
  if (!hosts.includes(headers.host ?? '')) return 'wrong-host'
  const { origin } = headers
  const isRead = method === 'GET' || method === 'HEAD'
  if (origin === undefined ? !isRead : origin !== `http://${headers.host}`) return 'wrong-origin'
  if (Number(headers['content-length'] ?? 0) > PAGE_BODY_BYTES_MAX) return 'too-large'
  return undefined
}

/** True for what a page of another site asked for, other than by a link that a person followed. */
export function isFromElsewhere({ headers }: RequestHead): boolean {
  const site = headers['sec-fetch-site']
  return site !== undefined && site !== 'same-origin' && site !== 'none'
}

export function sessionOf(headers: IncomingHttpHeaders, port: number): string | undefined {
  const wanted = `${cookieName(port)}=`
  const pair = headers.cookie?.split('; ').find((one) => one.startsWith(wanted))
  return pair?.slice(wanted.length)
}

/** Nothing from outside is loaded, nothing frames the page, nothing of it is kept. */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
  'cache-control': 'no-store',
}

// SPDX-License-Identifier: Apache-2.0
import { createHmac } from 'node:crypto'

/**
 * A time-limited TURN account that a server with that authSecret accepts (draft-uberti-behave-turn-rest-00, as coturn has
 * it): the user name begins with its end in seconds since 1970, the password is the name's HMAC-SHA1.
 */
export function turnCredential(
  authSecret: string,
  user: string,
  endsAt: Date,
): { readonly user: string; readonly password: string } {
  const name = `${Math.floor(endsAt.getTime() / 1000)}:${user}`
  return { user: name, password: createHmac('sha1', authSecret).update(name).digest('base64') }
}

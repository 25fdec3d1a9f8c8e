// SPDX-License-Identifier: Apache-2.0
/** Takes secrets out of whatever is to leave this host. */
const SECRET_KEY = /(private|preshared|probe)_?key|secret|seed|token|password|credential|^psk$/i
const CENSORED = '[secret]'

/**
 * A copy without the values of keys that name a secret, and without any of `secrets` wherever one stands in a text. Short
 * ones are not looked for: they would stand in everything.
 */
export function redact(value: unknown, secrets: readonly string[]): unknown {
  const known = secrets.filter((secret) => secret.length >= 8)
  const visit = (one: unknown): unknown => {
    if (typeof one === 'string')
      return known
        .reduce((text, secret) => text.replaceAll(secret, CENSORED), one)
        .replaceAll(/mg1_[\w-]+/g, CENSORED)
    if (Array.isArray(one)) return one.map(visit)
    if (one === null || typeof one !== 'object') return one
    return Object.fromEntries(
      Object.entries(one).map(([key, inner]) => [
        key,
        SECRET_KEY.test(key) && isText(inner) ? CENSORED : visit(inner),
      ]),
    )
  }
  return visit(value)
}

function isText(value: unknown): boolean {
  return typeof value === 'string' || value instanceof Uint8Array
}

// SPDX-License-Identifier: Apache-2.0
/**
 * What peers send is judged, never thrown: a closed error value travels in place of an exception.
 */
export type Result<T, E extends string = string> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: E }

export function ok<T>(value: T): { readonly ok: true; readonly value: T } {
  return { ok: true, value }
}

export function err<E extends string>(error: E): { readonly ok: false; readonly error: E } {
  return { ok: false, error }
}

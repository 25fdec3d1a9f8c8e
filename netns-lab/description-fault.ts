// SPDX-License-Identifier: Apache-2.0

/** One thing wrong with a description. */
export interface Fault {
  /** Dotted path such as hosts.alice.link.delayMs. */
  readonly field: string
  readonly value: unknown
  readonly remedy: string
}

export function fault(field: string, value: unknown, remedy: string): Fault {
  return { field, value, remedy }
}

/** The fault as a person reads it: `field = value: remedy`. */
export function faultLine({ field, value, remedy }: Fault): string {
  return `  ${field} = ${value === undefined ? '(missing)' : JSON.stringify(value)}: ${remedy}`
}

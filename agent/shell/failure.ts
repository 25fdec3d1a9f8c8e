// SPDX-License-Identifier: Apache-2.0

/** What a person is told: what went wrong, and what to do about it. `code` is stable. */
export class Failure extends Error {
  readonly code: string
  readonly remedy: string
  /** 1: it did not work. 2: it was asked for wrongly. */
  readonly exitCode: 1 | 2

  constructor(
    code: string,
    message: string,
    options: { readonly remedy: string; readonly exitCode?: 1 | 2; readonly cause?: unknown },
  ) {
    super(message, { cause: options.cause })
    this.name = 'Failure'
    this.code = code
    this.remedy = options.remedy
    this.exitCode = options.exitCode ?? 1
  }
}

/** As it stands in JSON, on the command line and in the local API. */
export interface FailureDocument {
  readonly error: { readonly code: string; readonly message: string; readonly remedy: string }
}

/** Any error as a document; those that carry a code and a remedy keep them. */
export function failureDocument(error: unknown): FailureDocument {
  const { code, message, remedy } = (error ?? {}) as Partial<Record<string, unknown>>
  return {
    error: {
      code: typeof code === 'string' ? code : 'internal',
      message: typeof message === 'string' ? message : String(error),
      remedy: typeof remedy === 'string' ? remedy : '',
    },
  }
}

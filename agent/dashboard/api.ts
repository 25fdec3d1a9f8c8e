// SPDX-License-Identifier: Apache-2.0
/** The local API, as the page may use it. */

export class ApiError extends Error {
  readonly code: string
  readonly remedy: string

  constructor(code: string, message: string, remedy: string) {
    super(message)
    this.code = code
    this.remedy = remedy
  }
}

export async function get<T>(path: string, query: Record<string, string> = {}): Promise<T> {
  const search = new URLSearchParams(query).toString()
  const response = await send(search === '' ? path : `${path}?${search}`)
  return (await response.json()) as T
}

export async function post<T>(path: string, body: object = {}): Promise<T> {
  const response = await send(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  return (await response.json()) as T
}

/** One document a line, as they come, until `signal` ends it. */
export async function* lines<T>(path: string, signal: AbortSignal): AsyncGenerator<T> {
  const { body } = await send(path, { signal })
  if (body === null) return
  const reader = body.pipeThrough(new TextDecoderStream()).getReader()
  let rest = ''
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    const parts = (rest + value).split('\n')
    rest = parts.pop() ?? ''
    for (const part of parts) if (part !== '') yield JSON.parse(part) as T
  }
}

async function send(path: string, init: RequestInit = {}): Promise<Response> {
  let response: Response
  try {
    response = await fetch(path, init)
  } catch (error) {
    if (init.signal?.aborted === true) throw error
    throw new ApiError('no-agent', 'the agent does not answer', 'start it, and ask for a new link')
  }
  if (response.ok) return response
  const { error } = (await response.json()) as {
    error: { code: string; message: string; remedy: string }
  }
  throw new ApiError(error.code, error.message, error.remedy)
}

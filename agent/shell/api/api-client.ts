// SPDX-License-Identifier: Apache-2.0
/** The command line's side of the local API. */
import type { IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { Failure, type FailureDocument } from '../failure.ts'
import { http } from './http-module.ts'

export class ApiClient {
  readonly #socketPath: string

  constructor(runDir: string) {
    this.#socketPath = join(runDir, 'agent.sock')
  }

  async get<T>(path: string): Promise<T> {
    return JSON.parse(await textOf(await this.#send('GET', path))) as T
  }

  async post<T>(path: string, body: object = {}): Promise<T> {
    return JSON.parse(await textOf(await this.#send('POST', path, body))) as T
  }

  /** One JSON document a line, as they come. */
  async *lines<T>(path: string, body: object): AsyncGenerator<T> {
    yield* linesOf<T>(await this.#send('POST', path, body))
  }

  async *getLines<T>(path: string): AsyncGenerator<T> {
    yield* linesOf<T>(await this.#send('GET', path))
  }

  #send(method: string, path: string, body?: object): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const text = body === undefined ? undefined : JSON.stringify(body)
      const headers = text === undefined ? {} : { 'content-type': 'application/json' }
      const call = http.request({ socketPath: this.#socketPath, method, path, headers })
      call.once('error', (error) => reject(unreachable(this.#socketPath, error)))
      call.once('response', (response) => {
        response.setEncoding('utf8')
        if (response.statusCode === 200) resolve(response)
        else void refusal(response).then(reject, reject)
      })
      call.end(text)
    })
  }
}

async function* linesOf<T>(response: IncomingMessage): AsyncGenerator<T> {
  let rest = ''
  for await (const chunk of response) {
    const lines = (rest + String(chunk)).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) if (line !== '') yield JSON.parse(line) as T
  }
}

async function textOf(response: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of response) text += String(chunk)
  return text
}

async function refusal(response: IncomingMessage): Promise<Failure> {
  const { error } = JSON.parse(await textOf(response)) as FailureDocument
  return new Failure(error.code, error.message, { remedy: error.remedy })
}

function unreachable(socketPath: string, error: NodeJS.ErrnoException): Failure {
  if (error.code === 'EACCES')
    return new Failure('not-permitted', `you may not talk to the agent on ${socketPath}`, {
      remedy: 'run the command with sudo, or as a member of the group that owns the socket',
      cause: error,
    })
  return new Failure('no-agent', `no agent answers on ${socketPath}`, {
    remedy: 'start one with `sudo meshgate run`, or name its directory with --run-dir',
    cause: error,
  })
}

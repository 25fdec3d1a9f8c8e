// SPDX-License-Identifier: Apache-2.0
/** One thing that can be asked of a running agent: how it is asked, and what is answered. */
import { z } from 'zod'
import { Failure } from '../failure.ts'
import type { AgentApi } from './agent-api.ts'

export type Method = 'GET' | 'POST' | 'DELETE'

/** json: one document. lines: one document a line, as they come. text: as it stands. */
export type AnswerKind = 'json' | 'lines' | 'text'

export interface Call<Given> {
  readonly api: AgentApi
  readonly given: Given
  /** Aborted when the caller hangs up. */
  readonly gone: AbortSignal
}

interface RouteDescription {
  readonly method: Method
  readonly path: `/v1/${string}`
  /** One sentence, for the API's description. */
  readonly summary: string
  /** Also open to the dashboard; what would end the agent is not. */
  readonly page: boolean
  readonly answer: AnswerKind
  /** What the answer is, and where its keys are explained. */
  readonly answers: string
  /** Of the document, or of each line. Nothing else is answered: a test holds answers against it. */
  readonly schema: z.ZodType
  /** Where a caller may also have documents as they come, one a line: how each looks. */
  readonly following?: z.ZodType
}

type Act<Given> = (call: Call<Given>) => Promise<unknown> | AsyncGenerator

export interface Route extends RouteDescription {
  /** What a GET takes from the query, any other method from its body. */
  readonly given: z.ZodObject
  readonly act: Act<unknown>
}

/** `act` gets what `given` lets through; everything else is refused before. */
export function route<Shape extends z.ZodRawShape>(
  description: RouteDescription,
  given: Shape,
  act: Act<z.output<z.ZodObject<Shape>>>,
): Route {
  return { ...description, given: z.strictObject(given) as z.ZodObject, act: act as Act<unknown> }
}

/** Throws Failure with every fault of what was given. */
export function checkGiven({ method, path, given }: Route, value: unknown): unknown {
  const checked = given.safeParse(value ?? {})
  if (checked.success) return checked.data
  const keys = Object.keys(given.shape)
  const where = method === 'GET' ? 'in the query' : 'in the body'
  const remedy = keys.length === 0 ? `${path} takes nothing` : `give ${keys.join(', ')} ${where}`
  throw new Failure('bad-request', z.prettifyError(checked.error), { remedy, exitCode: 2 })
}

// SPDX-License-Identifier: Apache-2.0
/** The local API as OpenAPI describes it, made from the routes themselves. */
import { z } from 'zod'
import { VERSION } from '../version.ts'
import { NAMED_SCHEMAS } from './answers/schema-name.ts'
import type { AnswerKind, Route } from './route.ts'
import { ROUTES } from './routes.ts'

const MEDIA_TYPE: Readonly<Record<AnswerKind, string>> = {
  json: 'application/json',
  lines: 'application/jsonl',
  text: 'text/plain',
}

const failure = {
  type: 'object',
  required: ['error'],
  properties: {
    error: {
      type: 'object',
      required: ['code', 'message', 'remedy'],
      properties: {
        code: { type: 'string', description: 'stable' },
        message: { type: 'string', description: 'what went wrong' },
        remedy: { type: 'string', description: 'what to do about it; may be empty' },
      },
    },
  },
}

/** OpenAPI 3.2: its schemas are JSON Schema, and it knows answers that come line by line. */
export function openApi(): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {}
  for (const route of ROUTES) {
    const path = (paths[route.path] ??= {})
    path[route.method.toLowerCase()] = operation(route)
  }
  return {
    openapi: '3.2.0',
    info: {
      title: 'meshgate agent',
      version: VERSION,
      description:
        'HTTP and JSON on the Unix socket agent.sock in the run directory. Whoever may open the socket may ask.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    paths,
    components: { schemas: { ...namedSchemas(), Failure: failure } },
  }
}

const uri = (id: string) => `#/components/schemas/${id}`

function namedSchemas(): Record<string, unknown> {
  const { schemas } = z.toJSONSchema(NAMED_SCHEMAS, { uri, override: leaveOutNoise })
  for (const schema of Object.values(schemas)) {
    delete schema.$schema
    delete schema.$id
  }
  return schemas
}

/** What zod adds and a reader gains nothing from: the pattern behind a format, the largest of all integers. */
function leaveOutNoise({ jsonSchema }: { jsonSchema: z.core.JSONSchema.BaseSchema }): void {
  if (jsonSchema.format === 'date-time') delete jsonSchema.pattern
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum
}

/** By its name where it has one. */
function schemaOf(schema: z.ZodType): Record<string, unknown> {
  const name = NAMED_SCHEMAS.get(schema)?.id
  if (name !== undefined) return { $ref: uri(name) }
  if (schema instanceof z.ZodArray)
    return { type: 'array', items: schemaOf(schema.element as z.ZodType) }
  const { $schema: _, ...described } = z.toJSONSchema(schema, { override: leaveOutNoise })
  return described
}

function contentOf({ answer, schema, following }: Route): Record<string, unknown> {
  const described = schemaOf(schema)
  return {
    [MEDIA_TYPE[answer]]: answer === 'lines' ? { itemSchema: described } : { schema: described },
    ...(following === undefined ? {} : { [MEDIA_TYPE.lines]: { itemSchema: schemaOf(following) } }),
  }
}

function operation(route: Route): Record<string, unknown> {
  const { method, path, summary, answers } = route
  const name = path.slice('/v1'.length).replaceAll(/[/-](\w)/g, (_, c: string) => c.toUpperCase())
  return {
    operationId: `${method.toLowerCase()}${name}`,
    summary,
    ...inputOf(route),
    responses: {
      200: { description: answers, content: contentOf(route) },
      default: {
        description: 'What went wrong, and what to do about it.',
        content: { 'application/json': { schema: { $ref: '#/components/schemas/Failure' } } },
      },
    },
  }
}

function inputOf({ method, given }: Route): Record<string, unknown> {
  const { $schema: _, ...schema } = z.toJSONSchema(given, { io: 'input' })
  const { properties = {}, required = [] } = schema
  if (Object.keys(properties).length === 0) return {}
  // Without a body all has its default.
  if (method !== 'GET')
    return {
      requestBody: {
        required: required.length > 0,
        content: { 'application/json': { schema } },
      },
    }
  const parameters = Object.entries(properties).map(([name, property]) => ({
    name,
    in: 'query',
    required: required.includes(name),
    schema: property,
  }))
  return { parameters }
}

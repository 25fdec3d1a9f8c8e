// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { openApi } from '../../../../agent/shell/api/openapi.ts'
import { ROUTES } from '../../../../agent/shell/api/routes.ts'

interface Operation {
  readonly operationId: string
  readonly summary: string
  readonly parameters?: readonly { name: string; in: string; required: boolean }[]
  readonly requestBody?: unknown
  readonly responses: { readonly 200: { readonly content: unknown } }
}

describe('the description of the local API', () => {
  const paths = openApi()['paths'] as Record<string, Record<string, Operation>>
  const operations = Object.values(paths).flatMap((methods) => Object.values(methods))

  it('names every route, and nothing that is none', () => {
    const described = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    )
    expect(described.sort()).toEqual(ROUTES.map(({ method, path }) => `${method} ${path}`).sort())
  })

  it('has one name for each operation, and a sentence', () => {
    expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(operations.length)
    for (const { summary } of operations) expect(summary).toMatch(/^[A-Z].*\.$/)
  })

  it('says what a route takes, and whether it must be given', () => {
    expect(paths['/v1/why']?.['get']?.parameters).toMatchObject([
      { name: 'peer', in: 'query', required: true },
    ])
    expect(paths['/v1/netcheck']?.['get']?.parameters).toMatchObject([
      { name: 'refresh', required: false },
    ])
    expect(paths['/v1/stop']?.['post']?.requestBody).toMatchObject({ required: false })
    expect(paths['/v1/ping']?.['post']?.requestBody).toMatchObject({
      required: true,
      content: { 'application/json': { schema: { required: ['peer'] } } },
    })
    expect(paths['/v1/status']?.['get']).not.toHaveProperty('parameters')
  })

  it('says how each answer looks, also where it comes line by line', () => {
    const described = JSON.stringify(openApi()['components'])
    for (const name of ['Status', 'Plan', 'Netcheck', 'Why', 'Event', 'History', 'PingOutcome'])
      expect(described).toContain(`"${name}"`)
    const events = { $ref: '#/components/schemas/Event' }
    expect(contentOf('/v1/events', 'get')).toEqual({
      'application/json': { schema: { type: 'array', items: events } },
      'application/jsonl': { itemSchema: events },
    })
    expect(contentOf('/v1/ping', 'post')).toHaveProperty('application/jsonl.itemSchema')
    for (const operation of operations)
      expect(JSON.stringify(operation.responses)).not.toContain('"schema":{}')
  })

  it('refers to nothing that it does not hold', () => {
    const text = JSON.stringify(openApi())
    const { schemas } = openApi()['components'] as { schemas: Record<string, unknown> }
    for (const [, name] of text.matchAll(/"#\/components\/schemas\/(\w+)"/g))
      expect(Object.keys(schemas)).toContain(name)
    expect(text).not.toContain('$defs')
  })

  function contentOf(path: string, method: string): unknown {
    return paths[path]?.[method]?.responses[200].content
  }
})

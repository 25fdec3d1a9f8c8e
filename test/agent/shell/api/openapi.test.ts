// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { openApi } from '../../../../agent/shell/api/openapi.ts'
import { ROUTES } from '../../../../agent/shell/api/routes.ts'

interface Operation {
  readonly operationId: string
  readonly summary: string
  readonly parameters?: readonly { name: string; in: string; required: boolean }[]
  readonly requestBody?: unknown
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
    expect(paths['/v1/ping']?.['post']?.requestBody).toMatchObject({
      content: { 'application/json': { schema: { required: ['peer'] } } },
    })
    expect(paths['/v1/status']?.['get']).not.toHaveProperty('parameters')
  })
})

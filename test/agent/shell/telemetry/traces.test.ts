// SPDX-License-Identifier: Apache-2.0
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { z } from 'zod'
import { postTraces } from '../../../../agent/shell/telemetry/collector.ts'
import { traceRequest } from '../../../../agent/shell/telemetry/otlp.ts'
import type { Span } from '../../../../agent/shell/telemetry/span.ts'
import {
  BATCH_MAX,
  EXPORT_EVERY_MS,
  type PostOutcome,
  QUEUE_MAX,
  TraceExporter,
} from '../../../../agent/shell/telemetry/trace-exporter.ts'

const span = (number: number): Span => ({
  traceId: '0af7651916cd43dd8448eb211c80319c',
  spanId: number.toString(16).padStart(16, '0'),
  parentSpanId: undefined,
  name: 'failover',
  startMs: 1_767_268_800_000.5,
  endMs: 1_767_268_800_700,
  attributes: { 'meshgate.peer': 'bob', 'meshgate.probes': 12, 'meshgate.rtt_ms': 12.5 },
  failure: undefined,
})

/** opentelemetry/proto/trace/v1/trace.proto in its JSON form, as far as it is used; nothing else may stand there. */
const value = z.union([
  z.strictObject({ stringValue: z.string() }),
  z.strictObject({ intValue: z.string().regex(/^-?\d+$/) }),
  z.strictObject({ doubleValue: z.number() }),
])
const attributes = z.array(z.strictObject({ key: z.string(), value }))
const hex = (digits: number) => z.string().regex(new RegExp(`^[0-9a-f]{${digits}}$`))
const nanoseconds = z.string().regex(/^\d{19}$/)
const exportRequest = z.strictObject({
  resourceSpans: z.array(
    z.strictObject({
      resource: z.strictObject({ attributes }),
      scopeSpans: z.array(
        z.strictObject({
          scope: z.strictObject({ name: z.string(), version: z.string() }),
          spans: z.array(
            z.strictObject({
              traceId: hex(32),
              spanId: hex(16),
              parentSpanId: hex(16).optional(),
              name: z.string(),
              kind: z.int().min(1).max(5),
              startTimeUnixNano: nanoseconds,
              endTimeUnixNano: nanoseconds,
              attributes,
              status: z.strictObject({
                code: z.int().min(0).max(2).optional(),
                message: z.string().optional(),
              }),
            }),
          ),
        }),
      ),
    }),
  ),
})

let server: Server | undefined
afterEach(() => {
  server?.closeAllConnections()
  server?.close()
  server = undefined
})

interface Received {
  readonly path: string | undefined
  readonly type: string | undefined
  readonly body: unknown
}

/** A collector that answers as it is told to. */
async function collector(status: number, answer: string) {
  const received: Received[] = []
  server = createServer((request, response) => {
    void textOf(request).then((text) => {
      const { url: path, headers } = request
      received.push({ path, type: headers['content-type'], body: JSON.parse(text) })
      response.writeHead(status, { 'content-type': 'application/json' }).end(answer)
    })
  })
  await new Promise<void>((resolve) => server!.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return { received, endpoint: `http://127.0.0.1:${port}` }
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of request) text += String(chunk)
  return text
}

const request = traceRequest([span(1)], { version: '0.1.0', attributes: { 'host.name': 'alice' } })

test('a collector gets the spans as OTLP in JSON', async () => {
  const { received, endpoint } = await collector(200, '{}')
  const parent = { ...span(2), parentSpanId: span(1).spanId, failure: 'no path yet' }
  const both = traceRequest([span(1), parent], {
    version: '0.1.0',
    attributes: { 'host.name': 'alice' },
  })
  expect(await postTraces(`${endpoint}/`, both)).toEqual({ kind: 'taken' })
  expect(received).toMatchObject([{ path: '/v1/traces', type: 'application/json' }])
  const { resourceSpans } = exportRequest.parse(received[0]!.body)
  expect(resourceSpans[0]!.resource.attributes).toEqual([
    { key: 'service.name', value: { stringValue: 'meshgate' } },
    { key: 'service.version', value: { stringValue: '0.1.0' } },
    { key: 'host.name', value: { stringValue: 'alice' } },
  ])
  const [first, second] = resourceSpans[0]!.scopeSpans[0]!.spans
  expect(first).toEqual({
    traceId: '0af7651916cd43dd8448eb211c80319c',
    spanId: '0000000000000001',
    name: 'failover',
    kind: 1,
    startTimeUnixNano: '1767268800000500000',
    endTimeUnixNano: '1767268800700000000',
    attributes: [
      { key: 'meshgate.peer', value: { stringValue: 'bob' } },
      { key: 'meshgate.probes', value: { intValue: '12' } },
      { key: 'meshgate.rtt_ms', value: { doubleValue: 12.5 } },
    ],
    status: {},
  })
  expect(second).toMatchObject({
    parentSpanId: '0000000000000001',
    status: { code: 2, message: 'no path yet' },
  })
})

test.each([
  [503, '', { kind: 'later', reason: 'status 503' }],
  [429, '', { kind: 'later', reason: 'status 429' }],
  [400, 'no', { kind: 'never', reason: 'status 400' }],
  [302, '', { kind: 'never', reason: 'status 302' }],
  [200, 'this is no JSON', { kind: 'taken' }],
  [200, '{"partialSuccess":{}}', { kind: 'taken' }],
  [
    200,
    '{"partialSuccess":{"rejectedSpans":"1","errorMessage":"too old"}}',
    { kind: 'never', reason: '1 spans rejected: too old' },
  ],
])('status %i with "%s" means %j', async (status, answer, outcome) => {
  const { endpoint } = await collector(status, answer)
  expect(await postTraces(endpoint, request)).toEqual(outcome)
})

test('an endless answer is not read to its end', async () => {
  const { endpoint } = await collector(200, 'x'.repeat(4 * 1024 * 1024))
  expect(await postTraces(endpoint, request)).toEqual({ kind: 'taken' })
})

test('where nobody listens, it is worth another attempt', async () => {
  const { endpoint } = await collector(200, '')
  await new Promise((resolve) => server!.close(resolve))
  const outcome = await postTraces(endpoint, request)
  expect(outcome).toMatchObject({ kind: 'later', reason: expect.stringContaining('ECONNREFUSED') })
})

/** An exporter with a clock of its own and a collector that answers by `outcome`. */
function exporter() {
  const world = {
    nowMs: 0,
    outcome: { kind: 'taken' } as PostOutcome,
    batches: [] as number[],
    told: [] as string[],
  }
  const traces = new TraceExporter({
    post: async (spans) => {
      world.batches.push(spans.length)
      return world.outcome
    },
    now: () => world.nowMs,
    tell: (level, message) => world.told.push(`${level}: ${message}`),
  })
  const add = (count: number) => traces.add(Array.from({ length: count }, (_, i) => span(i)))
  return { world, traces, add }
}

test('a full queue loses its oldest, and goes out in batches', async () => {
  const { world, traces, add } = exporter()
  add(3 * QUEUE_MAX)
  await traces.flush()
  expect(world.batches).toEqual(Array.from({ length: QUEUE_MAX / BATCH_MAX }, () => BATCH_MAX))
})

test('a collector that is away is asked less and less often, told of once, and gets what waited', async () => {
  const { world, traces, add } = exporter()
  world.outcome = { kind: 'later', reason: 'away' }
  add(1)
  for (; world.nowMs < 60 * EXPORT_EVERY_MS; world.nowMs += EXPORT_EVERY_MS) await traces.flush()
  expect(world.batches).toHaveLength(6)
  expect(world.told).toEqual(['warn: traces do not go out'])
  world.outcome = { kind: 'taken' }
  world.nowMs += 60 * EXPORT_EVERY_MS
  await traces.flush()
  expect(world.batches).toHaveLength(7)
  expect(world.told).toEqual(['warn: traces do not go out', 'info: traces go out again'])
  await traces.flush()
  expect(world.batches).toHaveLength(7)
})

test('what a collector refuses for good is not sent again', async () => {
  const { world, traces, add } = exporter()
  world.outcome = { kind: 'never', reason: 'status 400' }
  add(1)
  await traces.flush()
  await traces.flush()
  expect(world.batches).toEqual([1])
  expect(world.told).toEqual(['warn: traces refused'])
})

test('one request is under way at a time', async () => {
  const { world, traces, add } = exporter()
  add(1)
  await Promise.all([traces.flush(), traces.flush()])
  expect(world.batches).toEqual([1])
})

// SPDX-License-Identifier: Apache-2.0
/**
 * Spans as OTLP over HTTP in JSON: https://opentelemetry.io/docs/specs/otlp/ (1.x). Ids are hex, 64-bit numbers are
 * text, enumerations are numbers.
 */
import type { Span } from './span.ts'

/** SPAN_KIND_INTERNAL */
const INTERNAL = 1
/** STATUS_CODE_ERROR; unset stands for all that went well. */
const ERROR = 2

export interface Resource {
  readonly version: string
  readonly attributes: Readonly<Record<string, string>>
}

/** An ExportTraceServiceRequest. */
export function traceRequest(spans: readonly Span[], { version, attributes }: Resource): object {
  const service = { 'service.name': 'meshgate', 'service.version': version }
  return {
    resourceSpans: [
      {
        resource: { attributes: keyValues({ ...service, ...attributes }) },
        scopeSpans: [{ scope: { name: 'meshgate', version }, spans: spans.map(spanOf) }],
      },
    ],
  }
}

function spanOf(span: Span): object {
  const { traceId, spanId, parentSpanId, name, startMs, endMs, attributes, failure } = span
  return {
    traceId,
    spanId,
    ...(parentSpanId === undefined ? {} : { parentSpanId }),
    name,
    kind: INTERNAL,
    startTimeUnixNano: nanoText(startMs),
    endTimeUnixNano: nanoText(endMs),
    attributes: keyValues(attributes),
    status: failure === undefined ? {} : { code: ERROR, message: failure },
  }
}

function keyValues(values: Readonly<Record<string, string | number>>): object[] {
  return Object.entries(values).map(([key, value]) => ({ key, value: anyValue(value) }))
}

function anyValue(value: string | number): object {
  if (typeof value === 'string') return { stringValue: value }
  return Number.isSafeInteger(value) ? { intValue: String(value) } : { doubleValue: value }
}

function nanoText(ms: number): string {
  return String(BigInt(Math.round(ms * 1_000)) * 1_000n)
}

// SPDX-License-Identifier: Apache-2.0
/** Traces of a running agent: one more reader of its events, that the agent never waits for. */
import type { Node } from '../../core/state.ts'
import { readClock } from '../clock.ts'
import { secureRandom } from '../entropy.ts'
import type { EventFeed } from '../event-feed.ts'
import type { Log } from '../log.ts'
import { postTraces } from './collector.ts'
import { MeshSpans } from './mesh-spans.ts'
import { type Resource, traceRequest } from './otlp.ts'
import { VERSION } from '../version.ts'
import { EXPORT_EVERY_MS, TraceExporter } from './trace-exporter.ts'

/** For the last spans, when the agent ends. */
const FAREWELL_MS = 500

export interface AgentTracesOptions {
  /** `http://127.0.0.1:4318`; undefined: no traces. */
  readonly endpoint: string | undefined
  readonly node: Pick<Node, 'self' | 'config'>
  readonly feed: EventFeed
  readonly log: Log
}

export interface AgentTraces {
  close(): Promise<void>
}

export function startAgentTraces(options: AgentTracesOptions): AgentTraces | undefined {
  const { endpoint, node, feed, log } = options
  if (endpoint === undefined) return undefined
  const resource = resourceOf(node)
  const spans = new MeshSpans(secureRandom)
  const exporter = new TraceExporter({
    post: (batch) => postTraces(endpoint, traceRequest(batch, resource)),
    now: () => readClock().instant,
    tell: (level, message, fields) => log[level](fields, message),
  })
  const gone = new AbortController()
  const read = async () => {
    for await (const entry of feed.follow([], gone.signal)) exporter.add(spans.take(entry))
  }
  void read()
  const timer = setInterval(() => {
    exporter.add(spans.expire(readClock().wall))
    void exporter.flush()
  }, EXPORT_EVERY_MS)
  timer.unref()
  return {
    close: async () => {
      clearInterval(timer)
      gone.abort()
      let late: ReturnType<typeof setTimeout> | undefined
      const enough = new Promise<void>((resolve) => (late = setTimeout(resolve, FAREWELL_MS)))
      await Promise.race([exporter.flush(), enough])
      clearTimeout(late)
    },
  }
}

function resourceOf({ self, config }: AgentTracesOptions['node']): Resource {
  const { certificate, network } = config
  const attributes = {
    'service.instance.id': self,
    'host.name': certificate.name,
    'meshgate.network': network.name,
  }
  return { version: VERSION, attributes }
}

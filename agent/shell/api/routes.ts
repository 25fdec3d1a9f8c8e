// SPDX-License-Identifier: Apache-2.0
/** Everything that can be asked of a running agent. docs/openapi.json is made from this list. */
import { z } from 'zod'
import { delay } from '../clock.ts'
import { Failure } from '../failure.ts'
import { pageLinkSchema } from './answers/admin-schema.ts'
import {
  emptySchema,
  historySchema,
  hubSchema,
  pingSchema,
  policySchema,
  reloadedSchema,
  leftSchema,
  rotatedSchema,
} from './answers/answer-schema.ts'
import { eventSchema } from './answers/event-schema.ts'
import { planSchema } from './answers/plan-schema.ts'
import { statusSchema } from './answers/status-schema.ts'
import { netcheckSchema } from './answers/netcheck-schema.ts'
import { whySchema } from './answers/why-schema.ts'
import { AUTHORITY_ROUTES } from './authority-routes.ts'
import { type Call, type Route, route } from './route.ts'

const DONE = {}
const NOTICE_TEXT_MAX = 32_768

const peer = z.string().min(1).max(255).describe('a name, a mesh address or a node id')

const get = { method: 'GET', page: true, answer: 'json' } as const
const post = { method: 'POST', page: true, answer: 'json' } as const

export const ROUTES: readonly Route[] = [
  route(
    {
      ...get,
      path: '/v1/status',
      summary: 'This host, its peers and the paths to them.',
      answers: 'As `meshgate status --json` prints it.',
      schema: statusSchema,
    },
    {},
    ({ api }) => api.status(),
  ),
  route(
    {
      ...get,
      path: '/v1/plan',
      summary: 'What the agent wants of its helper, with reasons.',
      answers: 'As `meshgate plan --json` prints it.',
      schema: planSchema,
    },
    {},
    ({ api }) => api.plan(),
  ),
  route(
    {
      ...get,
      path: '/v1/netcheck',
      summary: 'What lies between this host and the internet.',
      answers: 'As `meshgate netcheck --json` prints it.',
      schema: netcheckSchema,
    },
    { refresh: z.enum(['0', '1']).default('0').describe('1: ask the STUN servers anew') },
    ({ api, given }) => api.netcheck({ refresh: given.refresh === '1' }),
  ),
  route(
    {
      ...get,
      path: '/v1/why',
      summary: 'Why a peer is reached as it is, and what would help.',
      answers: 'As `meshgate why PEER --json` prints it.',
      schema: whySchema,
    },
    { peer },
    why,
  ),
  route(
    {
      ...get,
      path: '/v1/events',
      summary: 'What happened lately, oldest first.',
      answers: 'A list, as `meshgate events --json` prints it; with `follow` one event a line.',
      schema: z.array(eventSchema),
      following: eventSchema,
    },
    {
      follow: z
        .enum(['0', '1'])
        .default('0')
        .describe('1: then what happens, until the caller hangs up'),
    },
    ({ api, given, gone }) => (given.follow === '1' ? api.followEvents(gone) : api.events()),
  ),
  route(
    {
      ...get,
      path: '/v1/metrics',
      summary: 'Figures of this host and its peers, for Prometheus.',
      answer: 'text',
      answers: 'The text format of Prometheus, version 0.0.4.',
      schema: z.string(),
    },
    {},
    ({ api }) => api.metrics(),
  ),
  route(
    {
      ...get,
      path: '/v1/history',
      summary: 'The last ten minutes of a peer.',
      answers: 'A list, oldest first, one entry every two seconds: round trip, loss, bytes, path.',
      schema: historySchema,
    },
    { peer },
    async ({ api, given }) => (await api.history(given.peer)) ?? noSuchPeer(given.peer),
  ),
  route(
    {
      ...post,
      path: '/v1/ping',
      summary: 'Round trips inside the session, and the path that each took.',
      answer: 'lines',
      answers: 'One line a round trip, as `meshgate ping PEER --json` prints it.',
      schema: pingSchema,
    },
    {
      peer,
      count: z.int().min(0).max(1_000_000).default(4).describe('0: until the caller hangs up'),
      intervalMs: z.int().min(10).max(60_000).default(1_000),
    },
    ping,
  ),
  route(
    {
      ...post,
      path: '/v1/reload',
      summary: 'Takes up a changed configuration file.',
      answers: 'The keys that changed, and those among them that need a restart.',
      schema: reloadedSchema,
    },
    {},
    ({ api }) => api.reload(),
  ),
  route(
    {
      ...get,
      path: '/v1/hub',
      summary: 'Who uses this host as a hub.',
      answers: 'As `meshgate drain --json` prints it.',
      schema: hubSchema,
    },
    {},
    ({ api }) => api.hub(),
  ),
  route(
    {
      ...post,
      path: '/v1/drain',
      summary: 'Tells others to leave this hub, or that they may use it again.',
      answers: 'As `meshgate drain --json` prints it.',
      schema: hubSchema,
    },
    { draining: z.boolean() },
    ({ api, given }) => api.drain(given.draining),
  ),
  route(
    {
      ...get,
      path: '/v1/policy',
      summary: 'Who may reach whom.',
      answers: 'The policy, or null: then members reach members.',
      schema: policySchema,
    },
    {},
    ({ api }) => api.policy(),
  ),
  ...AUTHORITY_ROUTES,
  route(
    {
      ...post,
      path: '/v1/notices',
      summary: 'Tells the members what the authority says.',
      page: false,
      answers: 'An empty document.',
      schema: emptySchema,
    },
    { notice: z.base64().max(NOTICE_TEXT_MAX).describe('as topology/notice.ts encodes it') },
    announce,
  ),
  route(
    {
      ...post,
      path: '/v1/dashboard',
      summary: 'A link to the dashboard, which works once.',
      page: false,
      answers: 'As `meshgate dashboard --json` prints it.',
      schema: pageLinkSchema,
    },
    {},
    ({ api }) => api.dashboard(),
  ),
  route(
    {
      ...post,
      path: '/v1/rotate',
      summary: 'Replaces the node, WireGuard and probe keys of this host.',
      page: false,
      answers: 'The node id and the serial of the certificate from now on.',
      schema: rotatedSchema,
    },
    {},
    rotate,
  ),
  route(
    {
      ...post,
      path: '/v1/leave',
      summary: 'Ends the membership of this host and stops the agent.',
      page: false,
      answers: 'Whether a member has heard of it.',
      schema: leftSchema,
    },
    {},
    ({ api }) => api.leave(),
  ),
  route(
    {
      ...post,
      path: '/v1/stop',
      summary: 'Stops the agent; the helper keeps the tunnels.',
      page: false,
      answers: 'An empty document.',
      schema: emptySchema,
    },
    {
      helper: z
        .boolean()
        .default(false)
        .describe('true: the helper is stopped next, so others move away first'),
    },
    ({ api, given }) => api.stop(given).then(() => DONE),
  ),
]

async function announce({ api, given }: Call<{ notice: string }>): Promise<unknown> {
  if (await api.announce(new Uint8Array(Buffer.from(given.notice, 'base64')))) return DONE
  throw new Failure('bad-request', "this is not the authority's word", { remedy: '' })
}

async function rotate({ api }: Call<object>): Promise<unknown> {
  const outcome = await api.rotate()
  if (outcome.ok) return { nodeId: outcome.nodeId, serial: outcome.serial }
  throw new Failure('not-rotated', `the authority gave no certificate: ${outcome.message}`, {
    remedy: 'the old keys stay in use; try again once a member reaches the authority',
  })
}

async function why({ api, given }: Call<{ peer: string }>): Promise<unknown> {
  const answer = await api.why(given.peer)
  if (answer !== undefined) return answer
  return noSuchPeer(given.peer)
}

function noSuchPeer(name: string): never {
  const remedy = '`meshgate peers` lists them'
  throw new Failure('no-such-peer', `no other member is called ${name}`, { remedy })
}

async function* ping(
  call: Call<{ peer: string; count: number; intervalMs: number }>,
): AsyncGenerator {
  const { api, gone } = call
  const { peer: name, count, intervalMs } = call.given
  const last = count === 0 ? Number.POSITIVE_INFINITY : count
  for (let sequence = 1; sequence <= last && !gone.aborted; sequence++) {
    const startMs = performance.now()
    yield { sequence, ...(await api.ping(name)) }
    if (sequence === last) return
    await delay(Math.max(0, startMs + intervalMs - performance.now()), gone)
  }
}

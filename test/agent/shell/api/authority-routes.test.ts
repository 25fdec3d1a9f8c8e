// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import type { AgentApi } from '../../../../agent/shell/api/agent-api.ts'
import { ApiClient } from '../../../../agent/shell/api/api-client.ts'
import { apiDesk } from '../../../../agent/shell/api/api-desk.ts'
import { startLocalApi } from '../../../../agent/shell/api/local-api.ts'
import type { AdminDesk } from '../../../../agent/shell/authority/admin-desk.ts'
import { APPROVE_SETTING } from '../../../../agent/shell/authority/admit-node.ts'
import { LedgerDesk } from '../../../../agent/shell/authority/ledger-desk.ts'
import { nodeCrypto } from '../../../../agent/shell/node-crypto.ts'
import { openNotice } from '../../../../topology/notice.ts'
import { authority as key, network, NOW, signer } from '../../../topology/sample-network.ts'
import {
  accepted,
  askToJoin,
  issue,
  reasonOf,
  type SampleAuthority,
  sampleAuthority,
} from '../sample-authority.ts'
import { temporaryDirectory } from '../temporary-directory.ts'

const REQUEST = {
  uses: 2,
  lifetimeMs: 3_600_000,
  namePattern: 'web-*',
  tags: ['web'],
  prefixes: [],
  awayMs: null,
  hub: true,
  bootstrap: [],
}

describe('tokens and members over the local API', () => {
  let sample: SampleAuthority
  let desk: AdminDesk
  let client: ApiClient
  let alive: Set<string>
  let told: Uint8Array[]

  beforeEach(async () => {
    sample = sampleAuthority()
    alive = new Set()
    told = []
    const inside = new LedgerDesk({
      powers: { network, signer: key, crypto: nodeCrypto, store: sample.store },
      authority: sample.authority,
      wallTime: () => NOW,
      bootstrap: () => [],
      announce: async (notice) => told.push(notice) > 0,
      isAlive: async (node) => alive.has(node),
    })
    const directory = temporaryDirectory()
    const api = { desk: () => inside } as unknown as AgentApi
    const server = await startLocalApi({ socketPath: join(directory, 'agent.sock'), api })
    onTestFinished(() => server.close())
    client = new ApiClient(directory)
    desk = apiDesk(client)
  })

  const member = async (name: string, seed: number) =>
    accepted(await askToJoin(sample, { node: signer(seed), token: await issue(sample), name }))
      .certificate

  test('a token is made, listed, used, and revoked by the beginning of its id', async () => {
    const { token, id } = await desk.createToken(REQUEST)
    expect(await desk.tokens()).toMatchObject([{ id, state: 'valid', used: 0, uses: 2 }])
    accepted(await askToJoin(sample, { node: signer(20), token, name: 'web-1' }))
    expect(await desk.revokeToken(id.slice(0, 6))).toMatchObject({ id, used: 1, uses: 2 })
    const late = await askToJoin(sample, { node: signer(21), token, name: 'web-2' })
    expect(reasonOf(late)).toBe('token-revoked')
    await expect(desk.revokeToken('zz')).rejects.toMatchObject({ code: 'no-such-token' })
  })

  test('what no token can be is refused before the ledger is touched', async () => {
    for (const wrong of [
      { uses: 0 },
      { tags: ['Not A Tag'] },
      { prefixes: ['10.0.0.0'] },
      { namePattern: '?' },
      { lifetimeMs: -1 },
      { surprise: true },
    ])
      await expect(
        client.post('/v1/tokens', { ...REQUEST, ...wrong }),
        JSON.stringify(wrong),
      ).rejects.toMatchObject({ code: 'bad-request' })
    await expect(
      desk.createToken({ ...REQUEST, lifetimeMs: 400 * 86_400_000 }),
    ).rejects.toMatchObject({ code: 'usage' })
    expect(await desk.tokens()).toEqual([])
  })

  test('a member is edited, and the members hear of its new certificate', async () => {
    const { node } = await member('alpha', 20)
    const edited = await desk.editNode('alpha', { name: 'beta', tags: ['db'], hub: false })
    expect(edited).toMatchObject({ name: 'beta', tags: ['db'], hub: false, announced: true })
    expect(told.map((bytes) => openNotice(bytes, network, nodeCrypto, NOW))).toMatchObject([
      { ok: true, value: { kind: 'certificate' } },
    ])
    expect(await desk.node(node.slice(0, 8))).toMatchObject({ name: 'beta' })
    await member('alpha', 21)
    await expect(desk.editNode('beta', { name: 'alpha' })).rejects.toMatchObject({
      code: 'name-taken',
    })
    await expect(desk.node('nobody')).rejects.toMatchObject({ code: 'no-such-node' })
  })

  test('a member that is here is not removed by mistake, and can be shut out', async () => {
    const { node } = await member('alpha', 20)
    alive.add(node)
    await expect(desk.removeNode('alpha')).rejects.toMatchObject({ code: 'is-alive' })
    expect(await desk.revokeNode('alpha')).toMatchObject({ node, announced: true })
    expect(await desk.nodes()).toMatchObject([{ name: 'alpha', state: 'revoked' }])
    await member('gone', 21)
    expect(await desk.removeNode('gone')).toMatchObject({ name: 'gone' })
  })

  test('a host that waits is let in, or not', async () => {
    await sample.store.transact((ledger) => ledger.putSetting(APPROVE_SETTING, 'yes'))
    const token = await issue(sample, { uses: 2 })
    const knocks = () => askToJoin(sample, { node: signer(20), token, name: 'alpha' })
    expect(reasonOf(await knocks())).toBe('awaiting-approval')
    expect(await desk.decide('alpha', 'refused')).toMatchObject({ state: 'refused' })
    expect(await desk.nodes()).toMatchObject([{ name: 'alpha', state: 'not approved' }])
    expect(await desk.decide('alpha', 'approved')).toMatchObject({ state: 'approved' })
    expect(accepted(await knocks()).certificate.name).toBe('alpha')
  })
})

// SPDX-License-Identifier: Apache-2.0
/**
 * Three authorities on three etcd members, admitting hosts as fast as they can, while leaders of both kinds are killed.
 * MESHGATE_ROUNDS kills are made; `scripts/authority-rounds` makes a hundred.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { DocumentLedger } from '../../agent/shell/authority/document-ledger.ts'
import { EtcdAuthorityStore } from '../../agent/shell/authority/etcd-authority-store.ts'
import { Authority } from '../../agent/shell/authority/authority.ts'
import { nodeCrypto } from '../../agent/shell/node-crypto.ts'
import { until } from '../../netns-lab/until.ts'
import { authority as signer, network, NOW } from '../topology/sample-network.ts'
import { type Child, said, startChild } from '../agent/shell/child.ts'
import { WISH } from '../agent/shell/sample-authority.ts'
import { EtcdCluster } from './etcd-cluster.ts'

const ROUNDS = Number(process.env['MESHGATE_ROUNDS'] ?? 2)
const USES = 100_000

let cluster: EtcdCluster

beforeAll(async () => {
  cluster = await EtcdCluster.start()
}, 30_000)

afterAll(async () => {
  await cluster?.stop()
})

function storeFor(name: string): EtcdAuthorityStore {
  return new EtcdAuthorityStore({ etcd: cluster.access, network: name, holder: 'the test' })
}

async function tokenFor(name: string, uses: number): Promise<string> {
  const store = storeFor(name)
  const authority = new Authority({ network, signer, crypto: nodeCrypto, store })
  const issued = await authority.createToken({ ...WISH, uses, lifetimeMs: 86_400_000 }, NOW)
  store.close()
  if (!issued.ok) throw new Error(issued.error)
  return issued.value.text
}

/** What is in the ledger, once somebody can lead again. */
async function ledgerOf(name: string): Promise<DocumentLedger> {
  const store = storeFor(name)
  const untilMs = performance.now() + 30_000
  for (;;) {
    const copy = await store
      .documents((documents) => new Map(['node/', 'token/'].flatMap((f) => documents.list(f))))
      .catch((error: unknown) => {
        if (performance.now() > untilMs) throw error
      })
    if (copy !== undefined) {
      store.close()
      return new DocumentLedger({
        get: (key) => copy.get(key),
        list: (prefix) => [...copy].filter(([key]) => key.startsWith(prefix)),
        put: () => undefined,
        delete: () => undefined,
      })
    }
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}

function author(name: string, holder: string, token: string, first: number): Child {
  const endpoints = cluster.endpoints.join(',')
  return startChild('../../lab/quorum-child.ts', endpoints, name, holder, token, String(first))
}

const admitted = (child: Child) => child.lines.filter((line) => line.startsWith('admitted '))

async function waitFor(condition: () => boolean, what: string): Promise<void> {
  const untilMs = performance.now() + 30_000
  while (!condition()) {
    if (performance.now() > untilMs) throw new Error(`not in time: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

test('authorities that race for a token of ten uses give ten, each with its own address', async () => {
  const token = await tokenFor('race', 10)
  const children = ['a', 'b', 'c'].map((holder, i) => author('race', holder, token, i * 1_000))
  await Promise.race(children.map(({ ended }) => ended))
  const ledger = await ledgerOf('race')
  expect(ledger.tokens()[0]?.used).toBe(10)
  expect(new Set(ledger.nodes().map(({ certificate }) => certificate.ipv4)).size).toBe(10)
  expect(children.flatMap(admitted)).toHaveLength(10)
  for (const child of children) child.process.kill('SIGKILL')
}, 60_000)

test('a command by hand takes the lead from an authority that would keep it, and gives it back', async () => {
  const of = (holder: string, takesOver: boolean) =>
    new EtcdAuthorityStore({ etcd: cluster.access, network: 'hand', holder, takesOver })
  const put = (store: EtcdAuthorityStore, key: string) =>
    store.documents((documents) => documents.put(key, 'written'))
  const [agent, other, hand] = [of('agent', false), of('other', false), of('by hand', true)]
  await put(agent, 'before')
  await expect(put(other, 'refused')).rejects.toMatchObject({ code: 'not-the-leader' })
  await put(hand, 'by hand')
  expect((await hand.status()).leader).toBe('by hand')
  await expect(put(agent, 'refused')).rejects.toMatchObject({ code: 'not-the-leader' })
  hand.close()
  // The lead is given back without anybody waiting for it.
  const takesIt = () => put(agent, 'after').then(() => true)
  await until(takesIt, { deadlineMs: 10_000, what: 'the lead comes back' })
  const keys = await agent.documents((documents) => documents.list('').map(([key]) => key))
  expect(keys.sort()).toEqual(['after', 'before', 'by hand'])
  for (const store of [agent, other]) store.close()
})

test(
  `whoever leads is killed ${ROUNDS} times, authority or etcd: nothing answered is forgotten or given twice`,
  async () => {
    const token = await tokenFor('rounds', USES)
    const all: Child[] = []
    let number = 0
    const start = () => {
      const child = author('rounds', `authority-${number}`, token, number * 1_000)
      number += 1
      all.push(child)
      return child
    }
    const running = [start(), start(), start()]
    await said(running[0]!, 1)
    for (let round = 0; round < ROUNDS; round++) {
      const before = all.flatMap(admitted).length
      await waitFor(() => all.flatMap(admitted).length >= before + 3, 'hosts are admitted')
      if (round % 2 === 0) {
        const leads = running.findIndex((child) => child.lines.at(-1)?.startsWith('admitted'))
        const at = Math.max(0, leads)
        running[at]!.process.kill('SIGKILL')
        await running[at]!.ended
        running[at] = start()
      } else {
        const victim = round % 3
        await cluster.kill(victim)
        const during = all.flatMap(admitted).length
        await waitFor(() => all.flatMap(admitted).length >= during + 3, 'two of three go on')
        cluster.revive(victim)
      }
    }
    for (const child of running) child.process.kill('SIGKILL')
    await Promise.all(running.map(({ ended }) => ended))

    const ledger = await ledgerOf('rounds')
    const nodes = ledger.nodes().map(({ certificate }) => certificate)
    const kept = new Set(
      nodes.map(({ node, ipv4, serial }) => `admitted ${node} ${ipv4} ${serial}`),
    )
    for (const line of all.flatMap(admitted)) expect(kept).toContain(line)
    expect(new Set(nodes.map(({ ipv4 }) => ipv4)).size).toBe(nodes.length)
    expect(new Set(nodes.map(({ serial }) => serial)).size).toBe(nodes.length)
    expect(ledger.tokens()[0]?.used).toBe(nodes.length)
    // For scripts/authority-rounds.
    console.log(
      `measured: ${ROUNDS} kills while ${nodes.length} hosts were admitted: none forgotten, no address, serial or use given twice`,
    )
  },
  60_000 + ROUNDS * 30_000,
)

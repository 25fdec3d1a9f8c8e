// SPDX-License-Identifier: Apache-2.0
/** What two authorities on one etcd cluster make of a ledger: where it begins, who may decide, and what is done when it is lost. */
import { existsSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Authority } from '../../agent/shell/authority/authority.ts'
import { allDocuments } from '../../agent/shell/authority/authority-backup.ts'
import type { AuthorityStore } from '../../agent/shell/authority/authority-store.ts'
import type { EtcdAuthorityStore } from '../../agent/shell/authority/etcd-authority-store.ts'
import { foundNetwork } from '../../agent/shell/authority/found-network.ts'
import { openStore } from '../../agent/shell/authority/open-store.ts'
import { nodeCrypto, signerOf } from '../../agent/shell/node-crypto.ts'
import { StateDir } from '../../agent/shell/state/state-dir.ts'
import { parseToken } from '../../topology/token.ts'
import { until } from '../../netns-lab/until.ts'
import { WISH } from '../agent/shell/sample-authority.ts'
import { temporaryDirectory } from '../agent/shell/temporary-directory.ts'
import { NOW } from '../topology/sample-network.ts'
import { EtcdCluster } from './etcd-cluster.ts'

let cluster: EtcdCluster

beforeAll(async () => {
  cluster = await EtcdCluster.start({ size: 1 })
}, 30_000)

afterAll(async () => {
  await cluster?.stop()
})

/** A network that was made by `meshgate init`, which writes the host's own file. */
function founded() {
  const state = StateDir.open(temporaryDirectory())
  const wish = { networkName: 'home', nodeName: 'alpha', tags: [], localPrefixes: [] }
  const made = foundNetwork(state, { ...wish, ipv4Prefix: '10.7.0.0/16' }, NOW)
  if (!made.ok) throw new Error(made.error)
  return { state, network: made.value.network, founder: made.value.certificate }
}

type Founded = ReturnType<typeof founded>

function storeOf({ state, network }: Founded, holder: string, bringsLedger = false) {
  return openStore(state, { etcd: cluster.access, network: network.id, holder, bringsLedger })
}

const addresses = (store: AuthorityStore) =>
  store.look((ledger) => ledger.nodes().map(({ certificate }) => certificate.ipv4))

const anything = (store: AuthorityStore) =>
  store.transact((ledger) => ledger.putSetting('some', 'thing'))

describe('a cluster that is empty', () => {
  test("begins with the founder's own ledger, which is set aside then", async () => {
    const network = founded()
    const file = network.state.authorityDbPath
    const store = storeOf(network, 'alpha') as EtcdAuthorityStore
    expect(await addresses(store)).toEqual([network.founder.ipv4])
    expect(await store.status()).toMatchObject({ leader: null, ledgerLost: false })
    expect(existsSync(file)).toBe(true)
    await anything(store)
    expect(await addresses(store)).toEqual([network.founder.ipv4])
    expect([existsSync(file), existsSync(`${file}.superseded`)]).toEqual([false, true])
    store.close()
  })

  test('is not taken for a new one once the ledger was there, until a backup is brought back', async () => {
    const network = founded()
    const store = storeOf(network, 'alpha')
    await anything(store)
    store.close()
    await cluster.forget(`meshgate/${network.network.id}/`)
    const again = storeOf(network, 'alpha') as EtcdAuthorityStore
    await expect(anything(again)).rejects.toMatchObject({ code: 'ledger-lost' })
    await expect(addresses(again)).rejects.toMatchObject({ code: 'ledger-lost' })
    expect(await again.status()).toMatchObject({ quorum: true, ledgerLost: true })
    again.close()
    const restoring = storeOf(network, 'alpha by hand', true)
    await until(() => anything(restoring).then(() => true), {
      deadlineMs: 10_000,
      what: 'the lead is free',
    })
    expect(await addresses(restoring)).toEqual([])
    restoring.close()
  })

  test('is refused by an authority that never had a ledger of its own', async () => {
    const { network } = founded()
    const other = { state: StateDir.open(temporaryDirectory()), network } as Founded
    const store = storeOf(other, 'beta')
    await expect(anything(store)).rejects.toMatchObject({ code: 'ledger-lost' })
    store.close()
  })
})

test('what lies in the cluster holds neither the key of the network nor the secret of a token', async () => {
  const network = founded()
  const store = storeOf(network, 'alpha') as EtcdAuthorityStore
  const { seed } = network.state.loadAuthorityKey()!
  const powers = { network: network.network, signer: signerOf(seed), crypto: nodeCrypto, store }
  const made = await new Authority(powers).createToken(WISH, NOW)
  if (!made.ok) throw new Error(made.error)
  const token = parseToken(made.value.text, nodeCrypto, NOW)
  if (!token.ok) throw new Error(token.error)
  const all = JSON.stringify(await allDocuments(store))
  expect(all).toContain(made.value.id)
  for (const secret of [seed, token.value.secret, network.network.presharedKey])
    for (const encoding of ['hex', 'base64', 'base64url'] as const)
      expect(all).not.toContain(Buffer.from(secret).toString(encoding).replace(/=+$/, ''))
  store.close()
})

test('of two authorities each shows the ledger, and does what a person asks of it, whoever leads', async () => {
  const network = founded()
  const [first, second] = ['alpha', 'beta'].map((holder) => storeOf(network, holder)) as [
    EtcdAuthorityStore,
    EtcdAuthorityStore,
  ]
  const signer = signerOf(network.state.loadAuthorityKey()!.seed)
  const createToken = (store: AuthorityStore) =>
    new Authority({ network: network.network, signer, crypto: nodeCrypto, store }).createToken(
      WISH,
      NOW,
    )
  const leader = async () => (await first.status()).leader
  await createToken(first)
  await expect(createToken(second)).rejects.toMatchObject({
    code: 'not-the-leader',
    message: 'alpha decides now',
  })
  expect(await second.look((ledger) => ledger.tokens().length)).toBe(1)
  expect(await leader()).toBe('alpha')
  await createToken(second.forPeople)
  expect(await leader()).toBe('beta')
  // The one that led finds out by itself, and shows what the other has decided.
  expect(await first.look((ledger) => ledger.tokens().length)).toBe(2)
  await expect(createToken(first)).rejects.toMatchObject({ code: 'not-the-leader' })
  await createToken(first.forPeople)
  expect(await first.look((ledger) => ledger.tokens().length)).toBe(3)
  for (const store of [first, second]) store.close()
})

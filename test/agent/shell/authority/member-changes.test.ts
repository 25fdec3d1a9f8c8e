// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest'
import { APPROVE_SETTING } from '../../../../agent/shell/authority/admit-node.ts'
import { editNode, revokeNode } from '../../../../agent/shell/authority/change-member.ts'
import { nodeCrypto } from '../../../../agent/shell/node-crypto.ts'
import { wallTime } from '../../../../nat/clock.ts'
import { CLOCK_SKEW_MS, halfLifeOf } from '../../../../topology/certificate.ts'
import { verifyCertificate } from '../../../../topology/certificate-codec.ts'
import { readJoinReply } from '../../../../topology/join-reply.ts'
import {
  authority as authoritySigner,
  network,
  NOW,
  signer,
} from '../../../topology/sample-network.ts'
import {
  accepted,
  reasonOf,
  askToJoin,
  askToRenew,
  issue,
  nodesOf,
  renewalOf,
  sampleAuthority,
  tokensOf,
} from '../sample-authority.ts'

const later = (ms: number) => wallTime(NOW + ms)
const node = signer(20)

describe('an authority', () => {
  test('renews at half of the lifetime and not before', async () => {
    const sample = sampleAuthority()
    const first = accepted(
      await askToJoin(sample, { node, token: await issue(sample), name: 'alpha' }),
    )
    const { certificate } = first
    const half = (certificate.notAfter - certificate.notBefore) / 2
    const early = accepted(await askToRenew(sample, { node }, later(half - 1)))
    expect(early.certificateBytes).toEqual(first.certificateBytes)
    const renewed = accepted(await askToRenew(sample, { node }, later(half))).certificate
    expect(renewed).toMatchObject({
      ipv4: certificate.ipv4,
      ipv6: certificate.ipv6,
      notAfter: certificate.notAfter + half,
    })
    expect(renewed.serial).toBeGreaterThan(certificate.serial)
    await sample.store.transact((ledger) => ledger.dropNode(certificate.node))
    expect(reasonOf(await askToRenew(sample, { node }, later(half)))).toBe('not-a-member')
  })

  test.each([-4, -2, 0, 2, 4].map((minutes) => minutes * 60_000))(
    'renews a member whose clock is %d ms ahead while its certificate holds by every clock, however often it asks',
    async (aheadMs) => {
      const sample = sampleAuthority()
      const token = await issue(sample)
      const first = accepted(await askToJoin(sample, { node, token, name: 'alpha' }))
      const { serial, notAfter } = first.certificate
      // By its own clock, once a minute from half of the lifetime on.
      let atMs: number = halfLifeOf(first.certificate) - aheadMs
      let next = accepted(await askToRenew(sample, { node }, wallTime(atMs)))
      while (next.certificate.serial === serial)
        next = accepted(await askToRenew(sample, { node }, wallTime((atMs += 60_000))))
      expect(atMs + CLOCK_SKEW_MS).toBeLessThan(notAfter)
      const itsNow = wallTime(atMs + aheadMs)
      expect(verifyCertificate(next.certificateBytes, network, nodeCrypto, itsNow).ok).toBe(true)
    },
  )

  test('gives a member new keys under its name and addresses, and shuts the old node key out', async () => {
    const sample = sampleAuthority()
    const first = accepted(
      await askToJoin(sample, { node, token: await issue(sample), name: 'alpha' }),
    ).certificate
    const successor = signer(50)
    const wish = { node, successor, key: 9 }
    const next = accepted(await askToRenew(sample, wish, later(1))).certificate
    expect(next).toMatchObject({ name: 'alpha', ipv4: first.ipv4, ipv6: first.ipv6 })
    expect(next.node).not.toBe(first.node)
    expect(next.wireguardKey).toBe('09'.repeat(32))
    // The answer may have been lost.
    expect(accepted(await askToRenew(sample, wish, later(2))).certificate).toEqual(next)
    expect(reasonOf(await askToRenew(sample, { node }, later(3)))).toBe('revoked')
    expect((await nodesOf(sample)).map(({ certificate }) => certificate.node)).toEqual([next.node])
  })

  test('does not bring back keys that a member has given up when an old request is repeated', async () => {
    const sample = sampleAuthority()
    const token = await issue(sample)
    accepted(await askToJoin(sample, { node, token, name: 'alpha' }))
    const old = renewalOf({ node, key: 8 }, later(1))
    expect(accepted(await askToRenew(sample, { node, key: 9 }, later(2)))).toBeDefined()
    const reply = await sample.authority.judge(old, later(3))
    const awaited = { authorityKey: authoritySigner.publicKey, request: old, now: later(3) }
    const read = readJoinReply(reply, awaited, nodeCrypto)
    expect(read.ok && reasonOf(read.value)).toBe('stale-request')
  })

  test('lets nobody in or on who was revoked, by whatever token', async () => {
    const sample = sampleAuthority()
    const token = await issue(sample, { uses: 5 })
    const { certificate } = accepted(await askToJoin(sample, { node, token, name: 'alpha' }))
    const powers = { network, authority: authoritySigner, now: NOW }
    const revoked = await sample.store.transact((ledger) =>
      revokeNode(ledger, certificate.node, powers),
    )
    expect(revoked).toMatchObject({ ok: true, value: { name: 'alpha', node: certificate.node } })
    expect(reasonOf(await askToJoin(sample, { node, token, name: 'alpha' }))).toBe('revoked')
    const other = await issue(sample)
    expect(reasonOf(await askToJoin(sample, { node, token: other, name: 'beta' }))).toBe('revoked')
    expect(reasonOf(await askToRenew(sample, { node }, later(1)))).toBe('revoked')
    const again = await sample.store.transact((ledger) =>
      revokeNode(ledger, certificate.node, powers),
    )
    expect(again).toEqual({ ok: false, error: 'no-such-node' })
  })

  test('gives a member that a person edited a newer certificate with the same keys and addresses', async () => {
    const sample = sampleAuthority()
    const token = await issue(sample, { uses: 2 })
    const { certificate } = accepted(await askToJoin(sample, { node, token, name: 'alpha' }))
    accepted(await askToJoin(sample, { node: signer(21), token, name: 'beta' }))
    const powers = { network, authority: authoritySigner, now: later(1) }
    const edit = (name: string, tags: string[]) =>
      sample.store.transact((ledger) =>
        editNode(ledger, certificate.node, { name, tags, hub: false }, powers),
      )
    expect(await edit('gamma', ['web', 'edge'])).toMatchObject({
      ok: true,
      value: {
        certificate: {
          name: 'gamma',
          tags: ['edge', 'web'],
          hub: false,
          ipv4: certificate.ipv4,
          wireguardKey: certificate.wireguardKey,
        },
      },
    })
    expect(await edit('beta', [])).toEqual({ ok: false, error: 'name-taken' })
    const renewed = accepted(await askToRenew(sample, { node }, later(2))).certificate
    expect(renewed).toMatchObject({ name: 'gamma', hub: false })
  })

  test('lets a host wait until a person says yes or no, and counts no use before', async () => {
    const sample = sampleAuthority()
    await sample.store.transact((ledger) => ledger.putSetting(APPROVE_SETTING, 'yes'))
    const token = await issue(sample, { uses: 2 })
    const alpha = { node, token, name: 'alpha' }
    expect(reasonOf(await askToJoin(sample, alpha))).toBe('awaiting-approval')
    expect(reasonOf(await askToJoin(sample, alpha))).toBe('awaiting-approval')
    expect((await tokensOf(sample))[0]?.used).toBe(0)
    const decide = (state: 'approved' | 'refused') =>
      sample.store.transact((ledger) => {
        const [candidate] = ledger.candidates()
        ledger.putCandidate({ ...candidate!, state })
      })
    await decide('refused')
    expect(reasonOf(await askToJoin(sample, alpha))).toBe('not-approved')
    await decide('approved')
    // The yes was for the name that was shown.
    expect(reasonOf(await askToJoin(sample, { ...alpha, name: 'other' }))).toBe('awaiting-approval')
    await decide('approved')
    accepted(await askToJoin(sample, { ...alpha, name: 'other' }))
    expect((await tokensOf(sample))[0]?.used).toBe(1)
    expect(await sample.store.transact((ledger) => ledger.candidates())).toEqual([])
  })
})

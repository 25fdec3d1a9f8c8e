// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { openAuthorityStore } from '../../../agent/shell/authority/sqlite-authority-store.ts'
import { StateDir } from '../../../agent/shell/state/state-dir.ts'
import { said, startChild } from './child.ts'
import { issue, sampleAuthority, nodesOf, tokensOf } from './sample-authority.ts'
import { temporaryDirectory } from './temporary-directory.ts'

/** Lines after which the child is killed: at different points of its work. */
const KILL_AFTER = [1, 2, 5, 9, 14]

describe('a kill', () => {
  test('of a process that saves state loses nothing that it had saved', async () => {
    const path = temporaryDirectory()
    let before = 0
    for (const lines of KILL_AFTER) {
      const child = startChild('save-child.ts', path)
      await said(child, lines)
      child.process.kill('SIGKILL')
      await child.ended
      const state = StateDir.open(path)
      const last = Number(child.lines.at(-1))
      expect(last).toBeGreaterThan(before)
      // What was being saved when it was killed may be there or not, but whole.
      expect([last, last + 1]).toContain(state.loadRecordVersion())
      expect([last, last + 1]).toContain(state.loadMembership()?.certificate.serial)
      before = last
    }
  })

  test('of an authority forgets nobody that it had answered, and gives no address twice', async () => {
    const sample = sampleAuthority()
    const token = await issue(sample, { uses: 100_000 })
    const answered: string[] = []
    for (const [round, lines] of KILL_AFTER.entries()) {
      const child = startChild('admit-child.ts', sample.path, token, `${round * 1_000}`, '1000')
      await said(child, 1)
      child.process.stdin!.write('go\n')
      await said(child, 1 + lines)
      child.process.kill('SIGKILL')
      await child.ended
      answered.push(...child.lines.slice(1))
      const store = openAuthorityStore(sample.path)
      const nodes = (await nodesOf({ store })).map(({ certificate }) => certificate)
      const remembered = nodes.map(({ node, ipv4, serial }) => `${node} ${ipv4} ${serial}`)
      expect(remembered).toEqual(expect.arrayContaining(answered))
      // At most the one admission of each round that was committed and not yet said.
      expect(nodes.length - answered.length).toBeLessThanOrEqual(round + 1)
      expect(new Set(nodes.map(({ ipv4 }) => ipv4)).size).toBe(nodes.length)
      expect(new Set(nodes.map(({ serial }) => serial)).size).toBe(nodes.length)
      expect((await tokensOf({ store }))[0]?.used).toBe(nodes.length)
      store.close()
    }
  })
})

describe('processes that race', () => {
  test('for a token with one use: exactly one wins', async () => {
    const sample = sampleAuthority(join(temporaryDirectory(), 'authority.db'))
    const token = await issue(sample)
    const children = [1, 2, 3, 4].map((i) =>
      startChild('admit-child.ts', sample.path, token, `${i}`, '1'),
    )
    for (const child of children) await said(child, 1)
    for (const child of children) child.process.stdin!.write('go\n')
    await Promise.all(children.map(({ ended }) => ended))
    const verdicts = children.map(({ lines }) => lines[1]!.split(' ').length === 3)
    expect(verdicts.filter(Boolean)).toHaveLength(1)
    expect(children.filter(({ lines }) => lines[1] === 'token-used-up')).toHaveLength(3)
    expect((await tokensOf(sample))[0]?.used).toBe(1)
  })

  test('for addresses: each gets its own, and no use too many is given', async () => {
    const sample = sampleAuthority(join(temporaryDirectory(), 'authority.db'))
    const token = await issue(sample, { uses: 50 })
    const children = [1, 2].map((i) =>
      startChild('admit-child.ts', sample.path, token, `${i * 1_000}`, '40'),
    )
    for (const child of children) await said(child, 1)
    for (const child of children) child.process.stdin!.write('go\n')
    await Promise.all(children.map(({ ended }) => ended))
    const lines = children.flatMap((child) => child.lines.slice(1))
    const admitted = lines.map((line) => line.split(' ')).filter(({ length }) => length === 3)
    expect(admitted).toHaveLength(50)
    expect(new Set(admitted.map(([, ipv4]) => ipv4)).size).toBe(50)
    expect(new Set(admitted.map(([, , serial]) => serial)).size).toBe(50)
    expect(lines.filter((line) => line === 'token-used-up')).toHaveLength(30)
  })
})

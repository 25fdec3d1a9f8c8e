// SPDX-License-Identifier: Apache-2.0
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { StateDir } from '../../../../agent/shell/state/state-dir.ts'
import { StateFault } from '../../../../agent/shell/state/state-fault.ts'
import { signCertificate } from '../../../../topology/certificate-codec.ts'
import {
  authority,
  certificateOf,
  network,
  recordOf,
  signer,
} from '../../../topology/sample-network.ts'
import { temporaryDirectory } from '../temporary-directory.ts'

const certificateBytes = signCertificate(certificateOf(signer(2)), authority)

function faultOf(action: () => unknown): StateFault {
  try {
    action()
  } catch (error) {
    if (error instanceof StateFault) return error
    throw error
  }
  throw new Error('no fault')
}

function filledState(): StateDir {
  const state = StateDir.open(join(temporaryDirectory(), 'state'))
  state.loadOrMakeKeys()
  state.saveMembership(network, certificateBytes)
  state.saveRecordVersion(7)
  state.saveRecords([recordOf(signer(2)).bytes])
  return state
}

describe('the state directory', () => {
  test('is made for its owner only, and its files too', () => {
    const state = filledState()
    expect(statSync(state.path).mode & 0o777).toBe(0o700)
    for (const name of readdirSync(state.path)) {
      expect(statSync(join(state.path, name)).mode & 0o777, name).toBe(0o600)
    }
  })

  test('keeps keys and port from the first use on', () => {
    const state = StateDir.open(temporaryDirectory())
    expect(state.loadKeys()).toBeUndefined()
    const keys = state.loadOrMakeKeys()
    expect(StateDir.open(state.path).loadOrMakeKeys()).toEqual(keys)
    expect(keys.listenPort).toBeGreaterThanOrEqual(20_000)
    expect(keys.listenPort).toBeLessThanOrEqual(32_767)
  })

  test('gives back what was saved', () => {
    const state = StateDir.open(filledState().path)
    expect(state.loadMembership()).toEqual({
      network,
      certificate: certificateOf(signer(2)),
      certificateBytes,
    })
    expect(state.loadRecordVersion()).toBe(7)
    expect(state.loadRecords()).toEqual([recordOf(signer(2)).bytes])
  })

  test('of a host that is no member is empty', () => {
    const state = StateDir.open(temporaryDirectory())
    expect(state.loadMembership()).toBeUndefined()
    expect(state.loadRecordVersion()).toBe(0)
    expect(state.loadRecords()).toEqual([])
    expect(state.loadAuthorityKey()).toBeUndefined()
  })

  test('names a file that was cut off, and what to do, wherever it was cut', () => {
    const state = filledState()
    const path = join(state.path, 'membership.json')
    const whole = readFileSync(path)
    // The last bytes are a brace and a line feed, without which it is still whole.
    for (let length = 0; length < whole.length - 1; length += 7) {
      writeFileSync(path, whole.subarray(0, length))
      const fault = faultOf(() => state.loadMembership())
      expect(fault).toMatchObject({ code: 'damaged', path })
      expect(fault.message).toContain(path)
      expect(fault.remedy).toContain('meshgate leave')
    }
  })

  test('refuses foreign files, other formats and later versions', () => {
    const state = filledState()
    const path = join(state.path, 'node.json')
    const code = (text: string) => {
      writeFileSync(path, text)
      return faultOf(() => state.loadKeys()).code
    }
    const marked = (version: number, content: unknown) =>
      JSON.stringify({ format: 'meshgate node keys', version, content })
    expect(code('null')).toBe('damaged')
    expect(code('{"private":"key"}')).toBe('damaged')
    expect(code(readFileSync(join(state.path, 'version.json'), 'utf8'))).toBe('damaged')
    expect(code(marked(1, { seed: 'AAAA' }))).toBe('damaged')
    expect(code(marked(2, {}))).toBe('newer-version')
    expect(code(' '.repeat(100_000))).toBe('damaged')
  })

  test('refuses a membership whose network or certificate cannot be read', () => {
    const state = filledState()
    const path = join(state.path, 'membership.json')
    const document = JSON.parse(readFileSync(path, 'utf8'))
    for (const key of ['network', 'certificate']) {
      const content = { ...document.content, [key]: 'AAAA' }
      writeFileSync(path, JSON.stringify({ ...document, content }))
      expect(faultOf(() => state.loadMembership())).toMatchObject({ code: 'damaged', path })
    }
  })

  test('refuses secrets that others can read, and a directory that others can write', () => {
    const state = filledState()
    const path = join(state.path, 'node.json')
    chmodSync(path, 0o644)
    expect(faultOf(() => state.loadKeys())).toMatchObject({
      code: 'too-open',
      remedy: expect.stringContaining(`chmod 600 ${path}`),
    })
    chmodSync(state.path, 0o770)
    expect(faultOf(() => StateDir.open(state.path))).toMatchObject({
      code: 'too-open',
      remedy: `chmod 700 ${state.path}`,
    })
  })

  test('takes unreadable cached records for none', () => {
    const state = filledState()
    writeFileSync(join(state.path, 'records.cbor'), 'nonsense')
    expect(state.loadRecords()).toEqual([])
    state.saveRecords(Array.from({ length: 300 }, () => Uint8Array.of(1)))
    expect(state.loadRecords()).toHaveLength(256)
  })

  test('says so when something else is in its place', () => {
    const path = join(temporaryDirectory(), 'state')
    writeFileSync(path, '')
    expect(faultOf(() => StateDir.open(path))).toMatchObject({ code: 'io', path })
  })

  test('is left with nothing in it, as often as one likes', () => {
    const state = filledState()
    writeFileSync(join(state.path, '.node.json.0123456789abcdef.tmp'), 'left by a kill')
    state.leave()
    expect(readdirSync(state.path)).toEqual([])
    state.leave()
    expect(state.loadMembership()).toBeUndefined()
  })

  test("is not left with the authority's key in it, unless told so", () => {
    const state = filledState()
    state.saveAuthorityKey({ seed: new Uint8Array(32) })
    expect(faultOf(() => state.leave()).code).toBe('holds-the-authority')
    expect(state.loadMembership()).toBeDefined()
    state.leave({ evenTheAuthority: true })
    expect(readdirSync(state.path)).toEqual([])
  })

  test('cannot be written where a directory has the name of a file', () => {
    const state = StateDir.open(temporaryDirectory())
    mkdirSync(join(state.path, 'version.json'))
    expect(faultOf(() => state.saveRecordVersion(1)).code).toBe('io')
    expect(readdirSync(state.path)).toEqual(['version.json'])
  })
})

// SPDX-License-Identifier: Apache-2.0
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { readPolicyFile } from '../../../agent/shell/policy-file.ts'
import { temporaryDirectory } from './temporary-directory.ts'

function read(text: string) {
  const path = join(temporaryDirectory(), 'policy.toml')
  writeFileSync(path, text)
  return readPolicyFile(path)
}

describe('a policy file', () => {
  test('says who may reach whom', () => {
    const rules = read(`
      [[allow]]
      from = ["tag:web", "laptop"]
      to = ["db"]
      protocol = "tcp"
      ports = [5432, "8000-8100"]

      [[allow]]
      from = ["*"]
      to = ["*"]
    `)
    expect(rules).toEqual([
      {
        from: ['tag:web', 'laptop'],
        to: ['db'],
        protocol: 'tcp',
        ports: [
          [5432, 5432],
          [8000, 8100],
        ],
      },
      { from: ['*'], to: ['*'], protocol: 'any', ports: [] },
    ])
    expect(read('')).toEqual([])
  })

  test('with faults is refused, and every one is named', () => {
    const faulty = `
      [[allow]]
      from = ["not a name"]
      to = []
      protocol = "icmp"
      ports = [70000]
      speed = 3
    `
    expect(() => read(faulty)).toThrow(
      expect.objectContaining({
        code: 'bad-policy',
        message: expect.stringMatching(/from[\s\S]*speed|speed[\s\S]*from/),
      }),
    )
    expect(() => read('[[allow')).toThrow(expect.objectContaining({ code: 'bad-policy' }))
    expect(() => read('[[allow]]\nfrom=["*"]\nto=["*"]\nprotocol="icmp"\nports=[1]')).toThrow(
      /ports need/,
    )
  })
})

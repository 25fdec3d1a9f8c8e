// SPDX-License-Identifier: Apache-2.0
/** What the README tells a newcomer to type is what a newcomer was seen to type. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'

const read = (path: string) => readFileSync(join(import.meta.dirname, '..', path), 'utf8')

it("the README's first commands are in the newcomer's transcript", () => {
  const section = read('README.md')
    .split('## What it looks like')[1]
    ?.split('From a checkout, without')[0]
  const blocks = Array.from(section?.matchAll(/```\n(.*?)```/gs) ?? [], ([, block = '']) => block)
  const lines = blocks.flatMap((block) => block.trim().split('\n'))
  expect(lines.length).toBeGreaterThan(3)
  const typed = Array.from(
    read('docs/newcomer.md').matchAll(/^root@\w+:\S+# (.*)$/gm),
    ([, line = '']) => line,
  )
  for (const line of lines) {
    const words = line.replace(/mg1_.*/, 'mg1_')
    expect(typed.some((one) => one.includes(words))).toBe(true)
  }
})

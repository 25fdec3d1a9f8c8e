// SPDX-License-Identifier: Apache-2.0
/** SECURITY.md promises; each promise names tests, and those must be there under these names. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

const ROOT = join(import.meta.dirname, '..')
const document = readFileSync(join(ROOT, 'SECURITY.md'), 'utf8')

function tableAfter(heading: string): string[][] {
  const section = document.slice(document.indexOf(heading))
  const rows = section.slice(section.indexOf('\n|'), section.search(/\n\n[^|\n]+\n\n(?!\|)|$/))
  const cells = rows
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .map((line) => line.split(' | ').map((cell) => cell.replace(/^\| | \|$/g, '')))
  return cells.slice(1)
}

/** The tests' names in a file, or in the Go files of a folder. */
function testsIn(path: string): string {
  const full = join(ROOT, path)
  if (!statSync(full).isDirectory()) return readFileSync(full, 'utf8')
  const files = readdirSync(full).filter((name) => name.endsWith('_test.go'))
  return files.map((name) => readFileSync(join(full, name), 'utf8')).join('\n')
}

describe('the threat model', () => {
  const rows = tableAfter('## Threat model')

  it('has a line for each of those whom it speaks of', () => {
    expect(rows.length).toBeGreaterThanOrEqual(15)
    expect(rows.filter((row) => row.length !== 4)).toEqual([])
  })

  it.each(rows)(
    '%s: what is said of it is shown by tests that are there',
    (_who, _can, _cannot, by) => {
      const named = [
        ...by.matchAll(/`((?:test|native)\/[^`]+)` (?:"([^"]+)"|`((?:Test|Fuzz)\w+)`)/g),
      ]
      expect(named.length).toBe(by.split('; ').length)
      for (const [, path, name, go] of named) {
        const tests = testsIn(path!)
        if (go !== undefined) expect(tests).toContain(`func ${go}(`)
        else expect(tests).toMatch(new RegExp(`(?:it|test)\\(\\s*['"\`][^\\n]*${escaped(name!)}`))
      }
    },
  )
})

describe('the list of what is shown by which test', () => {
  it.each(tableAfter('## Which test shows it'))('%s', (_line, by) => {
    const paths = [...by.matchAll(/`((?:test|native|scripts)[^`]*)`/g)].map(([, path]) => path!)
    expect(paths.length).toBeGreaterThan(0)
    for (const path of paths) {
      expect(existsSync(join(ROOT, path)), path).toBe(true)
      if (path !== 'test/corpus') expect(testsIn(path).length, path).toBeGreaterThan(0)
    }
  })
})

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)
}

// SPDX-License-Identifier: Apache-2.0
/** The conventions that a machine can check, each with its reason. Limits are raised only by name, in a list. */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { basename, dirname, join, normalize } from 'node:path'
import { describe, expect, it } from 'vitest'

const ROOT = join(import.meta.dirname, '..')
const LINES_MAX = 300
/** Files that may be longer, each with its own limit. Empty is how it should stay. */
const LONGER: Readonly<Record<string, number>> = {}

/** Tracked files that exist; deleted ones are still listed until they are committed. */
const tracked = execFileSync('git', ['ls-files', '-z'], { cwd: ROOT, encoding: 'utf8' })
  .split('\0')
  .filter((path) => path !== '' && existsSync(join(ROOT, path)))
const code = tracked.filter((path) => /\.(ts|go|mjs)$/.test(path))
const text = (path: string) => readFileSync(join(ROOT, path), 'utf8')

describe('a source file', () => {
  it(`has at most ${LINES_MAX} lines, so that it is about one thing`, () => {
    const tooLong = code
      .map((path) => ({ path, lines: text(path).split('\n').length - 1 }))
      .filter(({ path, lines }) => lines > (LONGER[path] ?? LINES_MAX))
    expect(tooLong).toEqual([])
  })

  it('names its licence in the first line', () => {
    const without = code.filter(
      (path) => !text(path).startsWith('// SPDX-License-Identifier: Apache-2.0\n'),
    )
    expect(without).toEqual([])
  })

  it('is named for what is in it, not for where things were put that had no name', () => {
    const nameless =
      /(^|[-_./])(utils?|helpers|common|misc|manager|types)\.(ts|go)$|(^|\/)index\.ts$/
    expect(code.filter((path) => nameless.test(path))).toEqual([])
  })

  it('has a kebab-case name; Go has its own custom', () => {
    const kebab = /^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z]+)*\.ts$/
    expect(code.filter((path) => path.endsWith('.ts') && !kebab.test(basename(path)))).toEqual([])
    const snake = /^[a-z0-9]+(_[a-z0-9]+)*\.go$/
    expect(code.filter((path) => path.endsWith('.go') && !snake.test(basename(path)))).toEqual([])
  })
})

describe('imports run one way', () => {
  /** Where a pure folder may import from, besides itself. cborg encodes and does nothing else. */
  const allowed: Readonly<Record<string, readonly string[]>> = {
    nat: [],
    topology: ['nat', 'cborg'],
    'agent/core': ['nat', 'topology'],
  }

  it.each(Object.entries(allowed))(
    '%s imports from nothing but itself and %j',
    (folder, others) => {
      const isAllowed = (target: string) =>
        [folder, ...others].some((from) => target === from || target.startsWith(`${from}/`))
      const wrong = code
        .filter((path) => path.startsWith(`${folder}/`))
        .flatMap((path) => importsOf(path).map((target) => `${path} imports ${target}`))
        .filter((line) => !isAllowed(line.slice(line.lastIndexOf(' ') + 1)))
      expect(wrong).toEqual([])
    },
  )

  it('the lab runs the built product and imports nothing of it', () => {
    const wrong = code
      .filter((path) => path.startsWith('netns-lab/'))
      .flatMap((path) => importsOf(path).map((target) => `${path} imports ${target}`))
      .filter((line) => / imports (nat|topology|agent)\//.test(line))
    expect(wrong).toEqual([])
  })

  it('nothing but tests imports tests', () => {
    const wrong = code
      .filter((path) => !path.startsWith('test/'))
      .filter((path) => importsOf(path).some((target) => target.startsWith('test/')))
    expect(wrong).toEqual([])
  })
})

describe('a document', () => {
  const documents = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md'].filter((path) =>
    existsSync(join(ROOT, path)),
  )

  it('names only paths that exist', () => {
    const top = new Set(tracked.map((path) => path.split('/')[0]!))
    const missing = documents.flatMap((path) =>
      pathsIn(text(path))
        .filter((named) => top.has(named.split('/')[0]!))
        .filter((named) => !existsSync(join(ROOT, named)))
        .map((named) => `${path} names ${named}`),
    )
    expect(missing).toEqual([])
  })
})

describe('nothing that is tracked', () => {
  /** Put together here, so that this file does not hold what it looks for. */
  const home = ['', '(home|root|Users)', ''].join('/')
  const shared = ['', 'work', ''].join('/')
  const forbidden: readonly (readonly [string, RegExp])[] = [
    ['a path of one machine', new RegExp(`(^|[\\s"'\`=:(])${home}[\\w.-]+`, 'm')],
    ['the working folder of one machine', new RegExp(`(^|[\\s"'\`=:(])${shared}[\\w.-]+`, 'm')],
  ]

  it.each(forbidden)('holds %s', (_what, pattern) => {
    const found = tracked.filter((path) => !isBinary(path) && pattern.test(text(path)))
    expect(found).toEqual([])
  })

  it('fetches packages from anywhere but the public registry', () => {
    const lock = text('package-lock.json')
    const hosts = new Set(
      Array.from(lock.matchAll(/"resolved": "https?:\/\/([^/"]+)/g), (match) => match[1]),
    )
    expect([...hosts].filter((host) => host !== 'registry.npmjs.org')).toEqual([])
    const npmrc = existsSync(join(ROOT, '.npmrc')) ? text('.npmrc') : ''
    expect(npmrc).not.toMatch(/registry\s*=/)
  })
})

/** Relative imports as paths from the root, all others as they are written. */
function importsOf(path: string): string[] {
  const specifiers = Array.from(
    text(path).matchAll(/^(?:import|export)\b[^'"]*?from\s*'([^']+)'|^import\s*'([^']+)'/gm),
    (match) => match[1] ?? match[2] ?? '',
  )
  return specifiers.map((specifier) =>
    specifier.startsWith('.') ? normalize(join(dirname(path), specifier)) : specifier,
  )
}

/** What stands in backticks or is linked and looks like a path of ours. */
function pathsIn(markdown: string): string[] {
  const quoted = Array.from(
    markdown.matchAll(/`([\w./-]+\/[\w./-]*|[\w-]+\.(?:md|ts|json|toml))`/g),
    (m) => m[1]!,
  )
  const linked = Array.from(markdown.matchAll(/\]\((?!https?:|#)([^)#\s]+)/g), (m) => m[1]!)
  return [...quoted, ...linked].map((path) => normalize(path).replace(/\/$/, ''))
}

function isBinary(path: string): boolean {
  return text(path).includes('\0')
}

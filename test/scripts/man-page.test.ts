// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { program } from '../../agent/shell/cli/command-line.ts'
import {
  bashCompletion,
  fishCompletion,
  zshCompletion,
} from '../../scripts/package-parts/completion.ts'
import { leaves, manPages, words } from '../../scripts/package-parts/man-page.ts'

const root = () => program(() => async () => undefined, false)

describe('the man pages', () => {
  const pages = manPages(root(), '1.2.3')

  it('are one for the program and one for each command, with its options and examples', () => {
    expect(pages).toHaveLength(leaves(root()).length + 1)
    const page = pages.find(({ path }) => path === 'man1/meshgate-token-create.1')?.text ?? ''
    expect(page).toContain('.SH NAME\nmeshgate\\-token\\-create \\- print a token')
    expect(page).toContain('.B \\-\\-uses <n>')
    expect(page).toContain('meshgate token create \\-\\-uses 10')
  })

  it('have no line that roff would take for a request that it is not', () => {
    const requests = pages.flatMap(({ text }) => text.split('\n').filter((l) => /^[.']/.test(l)))
    const known = /^\.(TH|SH|TP|B|I|nf|fi)\b/
    expect(requests.filter((line) => !known.test(line))).toEqual([])
  })
})

describe('the completion of bash', () => {
  const complete = (...line: string[]) => {
    const quoted = line.map((word) => `'${word}'`).join(' ')
    const script = `${bashCompletion(root())}
COMP_WORDS=(${quoted}); COMP_CWORD=${line.length - 1}; _meshgate; echo "\${COMPREPLY[@]}"`
    return spawnSync('bash', ['-c', script], { encoding: 'utf8' }).stdout.trim().split(' ')
  }

  it('knows the commands, the commands below them, and their options', () => {
    expect(complete('meshgate', 'stat')).toEqual(['status'])
    expect(complete('meshgate', 'token', 'cr')).toEqual(['create'])
    expect(complete('meshgate', 'token', 'create', '--u')).toEqual(['--uses'])
    expect(complete('meshgate', 'status', '--js')).toEqual(['--json'])
    expect(complete('meshgate', '')).toHaveLength(
      root().commands.length + root().options.length + 1,
    )
  })

  it('leads to every command', () => {
    for (const command of leaves(root())) {
      const line = words(command)
      expect(complete(...line.slice(0, -1), line.at(-1)!)).toContain(line.at(-1))
    }
  })
})

it('a colon in a summary is a mark for zsh alone', () => {
  const summary = 'let hosts join: on the host that made the network'
  expect(fishCompletion(root())).toContain(`-a token -d '${summary}'`)
  expect(zshCompletion(root())).toContain(`'token:${summary.replace(':', '\\:')}'`)
})

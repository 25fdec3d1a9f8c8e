// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { withResult } from '../../scripts/measured.ts'

const PAGE = `# Title

## \`scripts/one 10\`

What it is.

\`\`\`
old
lines
\`\`\`

## \`scripts/two\`

\`\`\`
-
\`\`\`
`

describe('what a command has measured', () => {
  it('takes the place of what stood in its section, and of nothing else', () => {
    const one = withResult(PAGE, 'scripts/one 10', 'new\n')
    expect(one).toBe(PAGE.replace('old\nlines', 'new'))
    expect(withResult(one!, 'scripts/two', 'other')).toBe(one!.replace('\n-\n', '\nother\n'))
  })

  it('is not kept where there is no section for it', () => {
    expect(withResult(PAGE, 'scripts/one 4', 'new')).toBeUndefined()
  })

  it('stands in docs/membership.md for every section', () => {
    const page = readFileSync(join(import.meta.dirname, '../../docs/membership.md'), 'utf8')
    const commands = [...page.matchAll(/^## `(.+)`$/gm)].map(([, command]) => command!)
    expect(commands.length).toBeGreaterThan(0)
    for (const command of commands) expect(withResult(page, command, 'new')).not.toBe(page)
    expect(page).not.toContain('\n```\n-\n```')
  })
})

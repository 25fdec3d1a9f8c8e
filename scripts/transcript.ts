// SPDX-License-Identifier: Apache-2.0
import type { BootedHost } from '../netns-lab/booted-host.ts'

export const TOKEN = /mg1_[\w-]+/

/** As much of a token as a reader needs to know it again. */
const TOKEN_SHOWN = 16

/** What was typed on some hosts and what they answered, as a page in Markdown. */
export class Transcript {
  readonly #parts: string[] = []
  readonly #directory: string

  /** `directory`: where everything is typed. */
  constructor(directory: string) {
    this.#directory = directory
  }

  get text(): string {
    return `${this.#parts.join('\n\n')}\n`
  }

  say(text: string): void {
    this.#parts.push(text)
  }

  /** Types a line on a host, as root; it must succeed and show `expected`. Returns what a person saw. */
  async type(host: BootedHost, line: string, expected = ''): Promise<string> {
    const { name } = host.host
    const { code, stdout } = await host.try(`cd ${this.#directory} && { ${line}; } 2>&1`)
    process.stderr.write(`${name}# ${line}\n${stdout}`)
    if (code !== 0) throw new Error(`${name}: ${line} ended with ${code}`)
    if (!stdout.includes(expected)) throw new Error(`${name}: ${line} did not show: ${expected}`)
    const shown = `root@${name}:${this.#directory}# ${line}\n${asOnScreen(stdout)}`
    this.#parts.push(`\`\`\`\n${shown.replaceAll(new RegExp(TOKEN, 'g'), shorten)}\n\`\`\``)
    return stdout
  }
}

function shorten(token: string): string {
  return `${token.slice(0, TOKEN_SHOWN)}...`
}

/** A line that was written over shows what was written last. */
function asOnScreen(text: string): string {
  const lines = text.trimEnd().split('\n')
  return lines.map((line) => line.split('\r').findLast((part) => part !== '') ?? '').join('\n')
}

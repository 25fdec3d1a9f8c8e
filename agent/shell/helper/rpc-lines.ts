// SPDX-License-Identifier: Apache-2.0

const NEWLINE = 0x0a

/** Cuts a byte stream into lines of text, and gives up on a line that outgrows its bound. */
export class LineSplitter {
  readonly #bytesMax: number
  #held: Buffer[] = []
  #heldBytes = 0

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /** The lines that this chunk completes, or undefined if one is too long. */
  push(chunk: Buffer): string[] | undefined {
    const lines: string[] = []
    let start = 0
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      if (!this.#hold(chunk.subarray(start, end))) return undefined
      lines.push(this.#take())
      start = end + 1
    }
    return this.#hold(chunk.subarray(start)) ? lines : undefined
  }

  #hold(part: Buffer): boolean {
    if (part.length === 0) return true
    this.#held.push(part)
    this.#heldBytes += part.length
    return this.#heldBytes <= this.#bytesMax
  }

  #take(): string {
    const line = Buffer.concat(this.#held).toString('utf8')
    this.#held = []
    this.#heldBytes = 0
    return line
  }
}

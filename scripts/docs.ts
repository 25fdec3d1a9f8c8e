// SPDX-License-Identifier: Apache-2.0
/** Writes the pages of docs/ that are made from the sources. A test holds them against each other. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { generatedDocs } from './generated-docs.ts'

for (const [path, text] of Object.entries(generatedDocs()))
  writeFileSync(join(import.meta.dirname, '..', path), text)

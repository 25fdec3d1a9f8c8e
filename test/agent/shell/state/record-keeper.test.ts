// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { nodeCrypto } from '../../../../agent/shell/node-crypto.ts'
import { createLog } from '../../../../agent/shell/log.ts'
import { RecordKeeper } from '../../../../agent/shell/state/record-keeper.ts'
import { StateDir } from '../../../../agent/shell/state/state-dir.ts'
import { nodeIdOf } from '../../../../topology/identity.ts'
import { verifyRecord } from '../../../../topology/record-codec.ts'
import { acceptRecord, createView } from '../../../../topology/view.ts'
import { network, NOW, recordOf, signer } from '../../../topology/sample-network.ts'
import { temporaryDirectory } from '../temporary-directory.ts'

test('what cannot be written is told and takes the agent nothing, and is written once it can be', () => {
  const directory = temporaryDirectory()
  const state = StateDir.open(directory)
  const node = signer(20)
  const envelope = recordOf(node)
  const record = verifyRecord(envelope.bytes, network, nodeCrypto, NOW)
  if (!record.ok) throw new Error(record.error)
  const view = createView()
  acceptRecord(view, record.value, envelope)
  const said: string[] = []
  const log = createLog({
    level: 'info',
    stream: { isTTY: false, write: (line: string) => said.push(line) } as never,
  })
  const self = nodeIdOf(node.publicKey)
  const keeper = new RecordKeeper({ state, self, view: () => view, log })
  const inTheWay = ['records.cbor', 'version.json'].map((name) => join(directory, name))
  for (const path of inTheWay) mkdirSync(path)
  keeper.keep(self, envelope)
  expect(said.filter((line) => line.includes('state could not be saved'))).toHaveLength(2)
  for (const path of inTheWay) rmdirSync(path)
  keeper.keep(self, envelope)
  expect(state.loadRecords()).toEqual([envelope.bytes])
  expect(state.loadRecordVersion()).toBe(record.value.version)
  expect(said).toHaveLength(2)
})

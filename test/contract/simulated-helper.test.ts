// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe } from 'vitest'
import { SimulatedHelper } from '../sim/simulated-helper.ts'
import { helperContract } from './helper-contract.ts'

describe('the simulated helper', () => {
  helperContract(async () => {
    const directory = await mkdtemp(join(tmpdir(), 'meshgate-'))
    const helper = await SimulatedHelper.start(join(directory, 'helper.sock'))
    return {
      socketPath: helper.socketPath,
      gone: helper.stopped,
      provoke: () => helper.emit('links-changed', { links: [] }),
      stop: async () => {
        await helper.stop()
        await rm(directory, { recursive: true, force: true })
      },
    }
  })
})

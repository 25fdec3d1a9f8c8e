// SPDX-License-Identifier: Apache-2.0
/** What native/PROTOCOL.md promises of the mesh's names. */
import { describe, expect, it } from 'vitest'
import { type ContractBench, refusedFields } from './contract-bench.ts'
import { exampleDesired } from './desired-example.ts'

const NAMES = {
  zone: 'home.mesh',
  hosts: [
    { name: 'alice', addresses: ['10.7.0.1', 'fd12:3456:789a::1'] },
    { name: 'bob', addresses: ['10.7.0.2'] },
  ],
}

export function namesContract({ greeted }: ContractBench): void {
  describe('names of the mesh', () => {
    it('are told to the resolver, shown in the state, and taken back', async () => {
      const { client } = await greeted()
      const desired = { ...exampleDesired(), names: NAMES }
      expect(await client.apply(desired)).toMatchObject({ ok: true })
      expect(await client.apply(desired)).toMatchObject({ ok: true, value: { changed: [] } })
      const named = await client.state()
      expect(named.ok && named.value.names?.zone).toBe('home.mesh')
      const fewer = { ...NAMES, hosts: NAMES.hosts.slice(1) }
      const changed = await client.apply({ ...desired, names: fewer })
      expect(changed.ok && changed.value.changed).toHaveLength(1)
      await client.apply({ ...desired, names: null })
      const nameless = await client.state()
      expect(nameless.ok && nameless.value.names).toBeNull()
    })

    it('are refused if no resolver could serve them', async () => {
      const { client } = await greeted()
      const hosts = [
        { name: 'Alice', addresses: [] },
        { name: 'bob', addresses: ['nowhere'] },
      ]
      const refused = await client.apply({ ...exampleDesired(), names: { zone: 'mesh', hosts } })
      expect(refusedFields(refused).toSorted()).toEqual([
        'names.hosts[0].name',
        'names.hosts[1].addresses[0]',
        'names.zone',
      ])
    })
  })
}

// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Lab, startLab } from '../../netns-lab/lab.ts'
import { type NatKindName, natKindNames } from '../../netns-lab/nat-kinds.ts'
import { coturnVerdict, vovidaVerdict } from './nat-classifier.ts'

/**
 * What programs that are not ours say of each kind: `code` is that of Debian's `stun` (vovida), mapping and filtering
 * are coturn's turnutils_natdiscovery by RFC 5780. vovida cannot tell address-dependent mapping from symmetric;
 * natdiscovery calls a host without NAT "endpoint-independent mapping".
 */
const EIM = 'Endpoint Independent Mapping'
const ADM = 'Address Dependent Mapping'
const APDM = 'Address and Port Dependent Mapping'
const EIF = 'Endpoint Independent Filtering'
const ADF = 'Address Dependent Filtering'
const APDF = 'Address and Port Dependent Filtering'

const expected: Record<NatKindName, { code: string; mapping: string; filtering: string }> = {
  none: { code: '0x000001', mapping: EIM, filtering: EIF },
  'full-cone': { code: '0x000012', mapping: EIM, filtering: EIF },
  'restricted-cone': { code: '0x000014', mapping: EIM, filtering: ADF },
  'port-restricted': { code: '0x000016', mapping: EIM, filtering: APDF },
  'port-restricted-preserving': { code: '0x000017', mapping: EIM, filtering: APDF },
  masquerade: { code: '0x000017', mapping: EIM, filtering: APDF },
  dmz: { code: '0x000013', mapping: EIM, filtering: EIF },
  symmetric: { code: '0x000018', mapping: APDM, filtering: APDF },
  'symmetric-sequential': { code: '0x000018', mapping: APDM, filtering: APDF },
  'address-dependent': { code: '0x000018', mapping: ADM, filtering: APDF },
  'address-pool': { code: '0x000018', mapping: APDM, filtering: APDF },
  'udp-blocked': { code: '0x00001c', mapping: 'blocked', filtering: 'blocked' },
  'udp-rejected': { code: '0x00001c', mapping: 'blocked', filtering: 'blocked' },
  firewall: { code: '0x00000b', mapping: EIM, filtering: APDF },
}

describe('each NAT kind is what outside classifiers say it is', () => {
  let lab: Lab
  beforeAll(async () => {
    lab = await startLab({
      name: 'natkinds',
      hosts: {
        stun: { address: ['198.51.100.10', '198.51.100.11'] },
        ...Object.fromEntries(natKindNames.map((kind) => [`in-${kind}`, { behind: kind }])),
      },
      nats: Object.fromEntries(natKindNames.map((kind) => [kind, { kind }])),
      services: { stun: { kind: 'coturn', on: 'stun' } },
    })
  })
  afterAll(async () => lab.stop())

  // The classifiers spend their time waiting for answers that do not come.
  test.concurrent.each(natKindNames)('%s', async (kind) => {
    const host = lab.host(`in-${kind}`)
    const code = await vovidaVerdict(host, '198.51.100.10')
    const { mapping, filtering } = await coturnVerdict(host, '198.51.100.10')
    expect({ code, mapping, filtering }).toEqual(expected[kind])
  })
})

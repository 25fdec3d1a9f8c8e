// SPDX-License-Identifier: Apache-2.0
/** Saves growing record versions, and memberships in turn, to the state directory argv[2], and says each version once it is saved. */
import { StateDir } from '../../../agent/shell/state/state-dir.ts'
import { signCertificate } from '../../../topology/certificate-codec.ts'
import { authority, certificateOf, network, signer } from '../../topology/sample-network.ts'

const state = StateDir.open(process.argv[2]!)
for (let version = state.loadRecordVersion() + 1; ; version++) {
  state.saveRecordVersion(version)
  const certificate = certificateOf(signer(2), { serial: version })
  state.saveMembership(network, signCertificate(certificate, authority))
  process.stdout.write(`${version}\n`)
}

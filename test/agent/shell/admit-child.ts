// SPDX-License-Identifier: Apache-2.0
/**
 * Admits nodes to the store at argv[2] with the token argv[3], one after the other from letter argv[4] on, up to
 * argv[5] of them. Says "ready", waits for a line, and then says `node ipv4 serial` or the refusal of each.
 */
import { once } from 'node:events'
import { admitNode } from '../../../agent/shell/authority/admit-node.ts'
import { nodeCrypto, signerOf } from '../../../agent/shell/node-crypto.ts'
import { openAuthorityStore } from '../../../agent/shell/authority/sqlite-authority-store.ts'
import { makeJoinRequest, openJoinRequest } from '../../../topology/admission.ts'
import { readCertificate } from '../../../topology/certificate-codec.ts'
import { nodeIdOf, x25519KeyOf } from '../../../topology/identity.ts'
import { parseToken } from '../../../topology/token.ts'
import { authority, network, NOW } from '../../topology/sample-network.ts'

const [path, text, first, count] = process.argv.slice(2)
const store = openAuthorityStore(path!)
const token = parseToken(text!, nodeCrypto, NOW)
if (!token.ok) throw new Error(token.error)
process.stdout.write('ready\n')
await once(process.stdin, 'data')
for (let i = 0; i < Number(count); i++) {
  const seed = new Uint8Array(32)
  new DataView(seed.buffer).setUint32(0, Number(first) + i)
  const node = signerOf(seed)
  const key = x25519KeyOf(seed.fill(3, 4))
  const name = nodeIdOf(node.publicKey).slice(0, 16)
  const wish = { token: token.value, wireguardKey: key, probeKey: key, name, now: NOW }
  const request = openJoinRequest(makeJoinRequest(wish, node, nodeCrypto), nodeCrypto)
  if (!request.ok) throw new Error(request.error)
  const attempt = { request: request.value, network, now: NOW, crypto: nodeCrypto, authority }
  const verdict = await store.transact((ledger) => admitNode(ledger, attempt))
  const certificate = verdict.ok ? readCertificate(verdict.value) : verdict
  const line = certificate.ok
    ? `${certificate.value.node} ${certificate.value.ipv4} ${certificate.value.serial}`
    : certificate.error
  process.stdout.write(`${line}\n`)
}
store.close()
process.exit(0)

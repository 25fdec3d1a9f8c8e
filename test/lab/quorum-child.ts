// SPDX-License-Identifier: Apache-2.0
/**
 * One of several authorities on an etcd cluster. Admits hosts with the token argv[4], from number argv[5] on, until it is
 * killed or told to stop; says `admitted NODE IPV4 SERIAL`, or why not. argv: endpoints, network, name, token, first.
 */
import { admitNode } from '../../agent/shell/authority/admit-node.ts'
import { EtcdAuthorityStore } from '../../agent/shell/authority/etcd-authority-store.ts'
import { failureDocument } from '../../agent/shell/failure.ts'
import { nodeCrypto, signerOf } from '../../agent/shell/node-crypto.ts'
import { makeJoinRequest, openJoinRequest } from '../../topology/admission.ts'
import { readCertificate } from '../../topology/certificate-codec.ts'
import { nodeIdOf, x25519KeyOf } from '../../topology/identity.ts'
import { parseToken } from '../../topology/token.ts'
import { authority, network, NOW } from '../topology/sample-network.ts'

const [endpoints, name, holder, text, first] = process.argv.slice(2)
const store = new EtcdAuthorityStore({
  etcd: { endpoints: endpoints!.split(',') },
  network: name!,
  holder: holder!,
})
const token = parseToken(text!, nodeCrypto, NOW)
if (!token.ok) throw new Error(token.error)

for (let i = Number(first); ; ) {
  const seed = new Uint8Array(32)
  new DataView(seed.buffer).setUint32(0, i)
  const node = signerOf(seed)
  const key = x25519KeyOf(seed.fill(3, 4))
  const host = nodeIdOf(node.publicKey).slice(0, 16)
  const wish = { token: token.value, wireguardKey: key, probeKey: key, name: host, now: NOW }
  const request = openJoinRequest(makeJoinRequest(wish, node, nodeCrypto), nodeCrypto)
  if (!request.ok) throw new Error(request.error)
  const attempt = { request: request.value, network, now: NOW, crypto: nodeCrypto, authority }
  const verdict = await store
    .transact((ledger) => admitNode(ledger, attempt))
    .catch((error: unknown) => ({ ok: false, error: failureDocument(error).error.code }) as const)
  if (verdict.ok) {
    const certificate = readCertificate(verdict.value)
    if (!certificate.ok) throw new Error(certificate.error)
    const { node: id, ipv4, serial } = certificate.value
    process.stdout.write(`admitted ${id} ${ipv4} ${serial}\n`)
    i += 1
  } else {
    process.stdout.write(`${verdict.error}\n`)
    if (verdict.error === 'token-used-up') break
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}
store.close()
process.exit(0)

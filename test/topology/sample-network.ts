// SPDX-License-Identifier: Apache-2.0
/**
 * A network with fixed keys, so that its documents are the same bytes in every run. Real Ed25519: the
 * tests of signatures are worth nothing with a pretended one.
 */
import { DELEGATED_RIGHTS, type Delegation } from '../../topology/delegation.ts'
import { nodeCrypto, signerOf } from '../../agent/shell/node-crypto.ts'
import { parseTransportAddress, type TransportAddress } from '../../nat/address.ts'
import { wallTime } from '../../nat/clock.ts'
import { toHex } from '../../nat/hex.ts'
import type { Certificate } from '../../topology/certificate.ts'
import { signCertificate } from '../../topology/certificate-codec.ts'
import type { Crypto, Signer } from '../../topology/crypto.ts'
import type { Grant, TokenId } from '../../topology/grant.ts'
import { signGrant } from '../../topology/grant.ts'
import { networkIdOf, nodeIdOf, x25519KeyOf } from '../../topology/identity.ts'
import type { Network } from '../../topology/network.ts'
import { ipv6AddressOf, ipv6PrefixOf } from '../../topology/overlay-address.ts'
import type { Policy, PolicyRule } from '../../topology/policy.ts'
import { signPolicy } from '../../topology/policy-codec.ts'
import { signRecord, type Statement } from '../../topology/record-codec.ts'
import type { RecordEnvelope } from '../../topology/record.ts'
import type { Signal } from '../../topology/signal.ts'
import { type Revocation, signRevocation } from '../../topology/revocation.ts'
import { formatToken, type IssuedToken } from '../../topology/token.ts'

/** 2026-01-01T00:00:00Z */
export const NOW = wallTime(1_767_225_600_000)
const DAY_MS = 86_400_000

/** The same bytes in every run, different ones for each call. */
export function countingCrypto(): Crypto {
  let calls = 0
  return {
    ...nodeCrypto,
    randomBytes: (length) => new Uint8Array(length).fill((calls = (calls + 1) % 256)),
  }
}

/** A signer whose seed is `letter` 32 times. */
export function signer(letter: number): Signer {
  return signerOf(new Uint8Array(32).fill(letter))
}

export const authority = signer(1)
export const network: Network = networkOf(authority)

export function networkOf(key: Signer): Network {
  const id = networkIdOf(key.publicKey, nodeCrypto)
  return {
    id,
    name: 'lab',
    authorityKey: key.publicKey,
    ipv4Prefix: '10.7.0.0/16',
    ipv6Prefix: ipv6PrefixOf(id).text,
    presharedKey: new Uint8Array(32).fill(9),
  }
}

export function address(text: string): TransportAddress {
  const parsed = parseTransportAddress(text)
  if (!parsed.ok) throw new Error(text)
  return parsed.value
}

export function certificateOf(node: Signer, changes: Partial<Certificate> = {}): Certificate {
  const id = nodeIdOf(node.publicKey)
  return {
    network: network.id,
    serial: 1,
    node: id,
    wireguardKey: x25519KeyOf(new Uint8Array(32).fill(3)),
    probeKey: x25519KeyOf(new Uint8Array(32).fill(4)),
    name: 'alpha',
    ipv4: '10.7.0.1',
    ipv6: ipv6AddressOf(network.id, id, nodeCrypto),
    tags: ['edge', 'web'],
    prefixes: ['192.168.1.0/24', '2001:db8::/32'],
    hub: true,
    authority: false,
    notBefore: NOW,
    notAfter: wallTime(NOW + 30 * DAY_MS),
    ...changes,
  }
}

export function statementOf(changes: Partial<Statement> = {}): Statement {
  return {
    version: NOW,
    issuedAt: NOW,
    present: true,
    candidates: [
      { kind: 'host', address: address('192.0.2.1:51820') },
      { kind: 'server-reflexive', address: address('[2001:db8::1]:4000') },
    ],
    nat: { mapping: 'endpoint-independent', filtering: 'address-dependent', lifetimeMs: 28_000 },
    dialAddresses: ['/ip4/192.0.2.1/tcp/51820'],
    dialPort: 51_820,
    relay: true,
    birthdaySearch: true,
    draining: false,
    hubs: [],
    stunServers: [address('192.0.2.1:51820')],
    ...changes,
  }
}

export function recordOf(
  node: Signer,
  changes: Partial<Statement> = {},
  certificate: Partial<Certificate> = {},
): RecordEnvelope {
  const sealed = signCertificate(certificateOf(node, certificate), authority)
  return signRecord(statementOf(changes), sealed, node)
}

/** An offer of signer 2 to signer 3. */
export function signalOf(changes: Partial<Signal> = {}): Signal {
  return {
    network: network.id,
    from: nodeIdOf(signer(2).publicKey),
    to: nodeIdOf(signer(3).publicKey),
    session: '0a'.repeat(16),
    sequence: 0,
    issuedAt: NOW,
    kind: 'offer',
    ice: {
      ufrag: '/Je/',
      password: 'pnDmbr6X9BneTG/at5UERM',
      fingerprint: new Uint8Array(32).fill(7),
    },
    candidates: [
      { kind: 'host', address: address('192.0.2.1:59343') },
      { kind: 'server-reflexive', address: address('[2001:db8::1]:4000') },
    ],
    ...changes,
  }
}

/** A revocation's envelope. */
export function revocationOf(node: Signer, changes: Partial<Revocation> = {}): Uint8Array {
  const { network: id, node: of, serial, notAfter } = certificateOf(node)
  const revocation = { network: id, node: of, serial, issuedAt: NOW, notAfter, ...changes }
  return signRevocation(revocation, authority)
}

/** A policy's envelope. */
export function delegationOf(changes: Partial<Delegation> = {}): Delegation {
  return {
    network: network.id,
    key: toHex(signer(50).publicKey),
    serial: 7,
    scope: DELEGATED_RIGHTS,
    notBefore: NOW,
    notAfter: wallTime(NOW + 1_000_000),
    ...changes,
  }
}

export function policyOf(changes: Partial<Policy> = {}, by: Signer = authority): Uint8Array {
  const rules: readonly PolicyRule[] = [
    { from: ['tag:web'], to: ['db'], protocol: 'tcp', ports: [[5432, 5432]] },
    { from: ['*'], to: ['*'], protocol: 'icmp', ports: [] },
  ]
  const policy = { network: network.id, serial: 9, issuedAt: NOW, rules, ...changes }
  return signPolicy(policy, by)
}

export function grantOf(changes: Partial<Grant> = {}): Grant {
  return {
    network: network.id,
    id: '0f'.repeat(16) as TokenId,
    namePattern: 'web-*',
    tags: ['web'],
    awayMs: null,
    prefixes: ['192.168.1.0/24'],
    hub: true,
    uses: 1,
    notBefore: NOW,
    notAfter: wallTime(NOW + DAY_MS),
    ...changes,
  }
}

export function tokenText(
  changes: Partial<IssuedToken> = {},
  grant: Partial<Grant> = {},
  by: Signer = authority,
): string {
  const token: IssuedToken = {
    grant: signGrant(grantOf(grant), by),
    secret: new Uint8Array(32).fill(5),
    authorityKey: authority.publicKey,
    networkName: 'lab',
    presharedKey: new Uint8Array(32).fill(9),
    bootstrap: [
      {
        nodeId: nodeIdOf(signer(2).publicKey),
        dialAddresses: ['/ip4/192.0.2.1/tcp/51820', '/dns4/hub.example/tcp/443'],
        stunServers: [address('192.0.2.1:51820')],
      },
    ],
    ...changes,
  }
  return formatToken(token, nodeCrypto)
}

/** As many tags and prefixes as a certificate may hold, each as long as it gets. */
export function largestLists(): Pick<Certificate, 'tags' | 'prefixes'> {
  const letter = (i: number) => String.fromCharCode(97 + i)
  return {
    tags: Array.from({ length: 12 }, (_, i) => letter(i).repeat(63)),
    prefixes: Array.from({ length: 16 }, (_, i) => `${'ffff:'.repeat(7)}fff${i.toString(16)}/128`),
  }
}

// SPDX-License-Identifier: Apache-2.0
/** The node that an agent runs, out of what is on the disk. */
import { nodeIdOf } from '../../topology/identity.ts'
import { createNode, type Node } from '../core/state.ts'
import { readClock } from './clock.ts'
import { secureRandom } from './entropy.ts'
import { Failure } from './failure.ts'
import { nodeConfigOf } from './node-config.ts'
import { nodeCrypto, signerOf } from './node-crypto.ts'
import type { Config } from './state/config.ts'
import type { Membership, StateDir } from './state/state-dir.ts'
import { stunCodec } from './stun-codec.ts'

/** Throws Failure on a host that is no member, StateFault if what is kept cannot be read. */
export function openNode(state: StateDir, config: Config): Node {
  const membership = state.loadMembership()
  if (membership !== undefined) finishKeyChange(state, membership)
  const keys = state.loadKeys()
  if (keys === undefined || membership === undefined) {
    throw new Failure('not-a-member', 'this host is not a member of a network', {
      remedy: 'make a network with `meshgate init`, or join one with `meshgate join TOKEN`',
    })
  }
  const powers = {
    entropy: secureRandom,
    crypto: nodeCrypto,
    signer: signerOf(keys.seed),
    stun: stunCodec,
  }
  const nodeConfig = nodeConfigOf(keys, membership, config, state.loadRecordVersion())
  return createNode(nodeConfig, powers, readClock().instant)
}

/** A kill between the two steps of a change of keys leaves a certificate for keys that are not in use yet. */
function finishKeyChange(state: StateDir, { certificate }: Membership): void {
  const next = state.loadNextKeys()
  if (next === undefined) return
  if (nodeIdOf(signerOf(next.seed).publicKey) === certificate.node) state.changeKeys()
}

/** One line for `systemctl status`. */
export function summaryOf({ config, peers }: Node): string {
  const reached = [...peers.values()].filter(({ activePath }) => activePath !== undefined).length
  return `${config.certificate.name}: ${reached} of ${peers.size} peers reached`
}

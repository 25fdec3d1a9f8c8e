// SPDX-License-Identifier: Apache-2.0
/** want and change: view, own facts and proven paths become a plan, and the plan a document for the helper. */
import { armedPaths } from '../../nat/proven-paths.ts'
import { wayKey } from '../../nat/direct-way.ts'
import { policyOf } from '../../topology/notice.ts'
import { keepaliveMs } from '../../nat/keepalive.ts'
import type { Now } from '../../nat/clock.ts'
import { makePlan, type Plan } from '../../topology/plan.ts'
import { desiredState } from './desired.ts'
import type { Effect } from './effect.ts'
import { servesRelay } from './hubs.ts'
import { explainer } from './pair-facts.ts'
import { isShutOut } from './notices.ts'
import { peerMtu } from './peer-mtu.ts'
import { NO_PATH, pathStatuses } from './path-status.ts'
import { wantedPaths } from './peer-paths.ts'
import { servesStun } from './publish.ts'
import { isDuplicated } from './redundancy.ts'
import type { Node } from './state.ts'

/** The plan as of now. Members whose certificate has run out are no members. */
export function planOf(node: Node, now: Now): Plan {
  const { network, certificate, interfaceName, mtu, listenPort } = node.config
  const explain = explainer(node)
  const ownLifetimeMs = node.survey.lifetime.lifetimeMs ?? null
  return makePlan({
    network,
    own: certificate,
    device: {
      name: interfaceName,
      mtu,
      listenPort,
      stunServer: servesStun(node),
      relay: servesRelay(node),
    },
    policy: policyOf(node.notices),
    dialPort: node.config.dialPort,
    turn: node.config.turn.map(({ id, url }) => ({ id, url })),
    names: node.config.names,
    answersLate: node.lateUntil !== undefined,
    members: (isShutOut(node) ? [] : [...node.peers.values()])
      .filter((peer) => peer.record.certificate.notAfter > now.wall)
      .map((peer) => ({
        certificate: peer.record.certificate,
        keepaliveMs: keepaliveMs([ownLifetimeMs, peer.record.nat.lifetimeMs]),
        duplicate: isDuplicated(node.config.redundancy, peer.record.certificate),
        draining: peer.gateway.draining.counts,
        reached: peer.gateway.reached.counts,
        paths: wantedPaths(peer),
        mtu: peerMtu(node, peer),
        why: explain(peer, pathStatuses(node, peer)[0] ?? NO_PATH).sentence,
      })),
  })
}

/** Sends the plan to the helper if it is not what was last sent. */
export function applyPlan(node: Node, now: Now): Effect[] {
  if (!node.helper.connected) return []
  const from = planInputs(node, now)
  if (node.helper.appliedText !== undefined && node.helper.appliedFrom === from) return []
  node.helper.appliedFrom = from
  const desired = desiredState(planOf(node, now), node.config, node.helper.features)
  const text = JSON.stringify(desired)
  if (text === node.helper.appliedText) return []
  node.helper.appliedText = text
  return [{ kind: 'apply', desired }]
}

/** All that a plan depends on and that a step can change, as one text: most steps change none of it. */
function planInputs(node: Node, now: Now): string {
  let text = `${servesStun(node)} ${servesRelay(node)} ${node.survey.lifetime.lifetimeMs}`
  text += ` ${policyOf(node.notices)?.serial} ${node.config.certificate.serial} ${node.lateUntil !== undefined}`
  if (isShutOut(node)) return text
  for (const peer of node.peers.values()) {
    const { record, helperName, paths, gateway } = peer
    const { serial, notAfter } = record.certificate
    if (notAfter <= now.wall) continue
    text += `\n${helperName} ${serial} ${record.nat.lifetimeMs} ${gateway.draining.counts} ${gateway.reached.counts}`
    for (const path of armedPaths(paths)) text += ` ${wayKey(path)}`
    text += ` ${peer.indirect.text}`
    for (const { carried } of peer.mtus.values()) text += ` ${carried}`
  }
  return text
}

// SPDX-License-Identifier: Apache-2.0
/** What befalls the packets between two nodes of the internet only, so that a way round them is better. */
import type { Lab } from './lab.ts'

/** That share of the packets is lost, each way by itself, until `clearBetween`. */
export async function loseBetween(lab: Lab, [a, b]: Pair, percent: number): Promise<void> {
  const [from, to] = [lab.host(a).address, lab.host(b).address]
  const chain = `add chain ip ${TABLE} forward { type filter hook forward priority -10; }`
  const rule = (source: string, destination: string) =>
    `add rule ip ${TABLE} forward ip saddr ${source} ip daddr ${destination} numgen random mod 100 < ${percent} drop`
  const rules = [`add table ip ${TABLE}`, chain, rule(from, to), rule(to, from)]
  await lab.host('internet').run(['nft', rules.join('; ')])
}

export async function clearBetween(lab: Lab): Promise<void> {
  await lab.host('internet').run(['nft', `delete table ip ${TABLE}`])
}

/**
 * What one node sends to the other goes round by a host that forwards it, and takes its link's delay twice. Only that
 * direction: the round trip is longer by as much.
 */
export async function leadRound(lab: Lab, [a, b]: Pair, by: string): Promise<void> {
  const internet = lab.host('internet')
  const deviceOf = async (node: string) => {
    const route = await internet.run(['ip', '-json', 'route', 'get', lab.host(node).address])
    return (JSON.parse(route) as readonly { readonly dev: string }[])[0]?.dev ?? ''
  }
  await lab.host(by).run(['sysctl', '-qw', 'net.ipv4.ip_forward=1'])
  const onward = ['default', 'via', lab.host(by).address, 'dev', await deviceOf(by), 'onlink']
  await internet.run(['ip', 'route', 'add', ...onward, 'table', ROUND])
  const which = ['iif', await deviceOf(a), 'to', lab.host(b).address, 'lookup', ROUND]
  await internet.run(['ip', 'rule', 'add', ...which])
}

export async function leadStraight(lab: Lab): Promise<void> {
  await lab.host('internet').run(['ip', 'rule', 'delete', 'lookup', ROUND])
  await lab.host('internet').run(['ip', 'route', 'flush', 'table', ROUND])
}

type Pair = readonly [string, string]

const TABLE = 'lossy'
const ROUND = '77'

// SPDX-License-Identifier: Apache-2.0
import type { Cut, LabPlan } from './lab-plan.ts'
import { internetName } from './uplink-wish.ts'

/** The nft program of the internet's core: replaces all cuts of before. Throws if a node does not hang on the internet. */
export function cutRules(plan: LabPlan, cuts: readonly Cut[]): string {
  const lines = cuts.flatMap(([one, other]) => {
    const [near, far] = [portsOf(plan, one), portsOf(plan, other)]
    return near.flatMap((from) => far.flatMap((to) => [drop(from, to), drop(to, from)]))
  })
  const chain = ['type filter hook forward priority filter; policy accept;', ...lines].join('\n')
  return `table inet cuts\ndelete table inet cuts\ntable inet cuts {\nchain forward {\n${chain}\n}\n}`
}

function portsOf(plan: LabPlan, node: string): string[] {
  const onInternet = plan.links.filter(({ upstream }) => upstream === internetName)
  const ports = onInternet.filter((link) => link.node === node).map(({ port }) => port)
  if (ports.length > 0) return ports
  const names = [...new Set(onInternet.map((link) => link.node))].join(', ')
  throw new Error(`cuts: ${node} does not hang on the internet; choose of ${names}`)
}

function drop(from: string, to: string): string {
  return `iifname "${from}" oifname "${to}" drop`
}

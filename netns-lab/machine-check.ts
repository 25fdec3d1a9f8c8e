// SPDX-License-Identifier: Apache-2.0
import { access, constants } from 'node:fs/promises'
import type { LabPlan } from './lab-plan.ts'

/** Program -> Debian package that has it. What the programs' own services do on installation is not wanted anywhere. */
const neededTools = {
  ip: 'iproute2',
  nft: 'nftables',
  nsenter: 'util-linux',
  unshare: 'util-linux',
  mount: 'mount',
  conntrack: 'conntrack',
} as const

/** Throws in plain words if this process may not make namespaces. */
export function requireRoot(): void {
  if (process.getuid?.() !== 0) {
    throw new Error('the lab makes network namespaces and needs root: run it as root or with sudo')
  }
}

/** What only some descriptions ask for. */
function neededBy({ services, nats }: LabPlan): Readonly<Record<string, string>> {
  const servers = services.flatMap(({ description }) =>
    description.kind === 'coturn' ? [description] : [],
  )
  const mapsPorts = nats.some(({ rules }) => rules.portMapping.length > 0)
  return {
    ...(servers.length > 0 || mapsPorts ? { turnserver: 'coturn' } : {}),
    ...(servers.some(({ tls }) => tls === true) ? { openssl: 'openssl' } : {}),
    // The other build of miniupnpd, for iptables, knows nothing of the lab's tables.
    ...(mapsPorts ? { miniupnpd: 'miniupnpd-nftables' } : {}),
  }
}

/** Throws, naming every missing program and what to install, if the machine cannot carry this lab. */
export async function requireTools(plan: LabPlan): Promise<void> {
  const needed = { ...neededTools, ...neededBy(plan) }
  const found = await Promise.all(Object.keys(needed).map(isOnPath))
  const missing = Object.entries(needed).filter((_, index) => found[index] !== true)
  const faults = missing.map(([tool]) => `${tool} is missing`)
  const packages = [...new Set(missing.map(([, debian]) => debian))]
  if (packages.length > 0) faults.push(`install: apt-get install ${packages.join(' ')}`)
  const tun = await access('/dev/net/tun', constants.R_OK | constants.W_OK).then(
    () => true,
    () => false,
  )
  if (!tun) faults.push('/dev/net/tun is missing: load the kernel module tun')
  if (faults.length > 0) throw new Error(faults.join('\n'))
}

/** Root's PATH may lack the sbin directories, where half of the tools are. */
const directories = [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/sbin']

export async function isOnPath(tool: string): Promise<boolean> {
  for (const directory of directories) {
    const isThere = await access(`${directory}/${tool}`, constants.X_OK).then(
      () => true,
      () => false,
    )
    if (isThere) return true
  }
  return false
}

// SPDX-License-Identifier: Apache-2.0
import type { LabPlan } from './lab-plan.ts'
import { addressesOf, internetName } from './uplink-wish.ts'

/** The text of /etc/hosts in every node. Hosts on the internet go by name everywhere; hosts behind a NAT have no address that all could use. */
export function hostsFileText(plan: LabPlan): string {
  const lines = plan.hosts.flatMap(({ name, uplinks }) =>
    addressesOf(uplinks.filter(({ upstream }) => upstream === internetName)).map(
      (address) => `${address} ${name}`,
    ),
  )
  return ['127.0.0.1 localhost', '::1 localhost', ...lines, ''].join('\n')
}

// SPDX-License-Identifier: Apache-2.0
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import type { LabHost } from '../../netns-lab/lab-host.ts'

/**
 * The process id, as seen from outside of the lab, of the process with this name on a host; of several the youngest, which
 * the others only watch.
 */
export async function pidIn(host: LabHost, name: string): Promise<number> {
  const marker = await host.run(['readlink', '/proc/self/ns/net'])
  const entries = readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))
  for (const entry of entries.sort((a, b) => Number(b) - Number(a))) {
    try {
      const isIt = readFileSync(`/proc/${entry}/comm`, 'utf8').trim() === name.slice(0, 15)
      if (isIt && readlinkSync(`/proc/${entry}/ns/net`) === marker.trim()) return Number(entry)
    } catch {
      // It ended while we looked.
    }
  }
  throw new Error(`${host.name}: no process ${name}`)
}

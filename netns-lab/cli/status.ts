// SPDX-License-Identifier: Apache-2.0
import { Command } from 'commander'
import { becomeRoot } from '../become-root.ts'
import { askLab, type LabStatus } from '../control-protocol.ts'
import type { Impairment } from '../description.ts'
import { findLab } from '../lab-registry.ts'
import { nameOption } from './name-option.ts'

/** Not worth a word. */
const ordinaryMtu = 1500

export function statusCommand(): Command {
  return new Command('status')
    .description('hosts, NATs, links and services as they are now')
    .option('--json', 'for programs')
    .addOption(nameOption())
    .action(status)
}

async function status({ name, json }: { name?: string; json?: true }): Promise<void> {
  becomeRoot()
  const lab = await findLab(name)
  const now = await askLab(lab.stateDir, { op: 'status' })
  if (now === undefined) throw new Error('the lab gave no status')
  process.stdout.write(json === true ? `${JSON.stringify(now, null, 2)}\n` : forPeople(now))
}

function forPeople(lab: LabStatus): string {
  const sections = [
    [
      'hosts',
      lab.hosts.map(({ name, addresses, behind, firewall }) => [
        name,
        addresses.join(' '),
        behind,
        firewall ? 'firewall' : '',
      ]),
    ],
    [
      'NATs',
      lab.nats.map(({ name, address, behind, kind, lan, hairpin, portMapping }) => [
        name,
        address,
        behind,
        kind,
        `LAN ${lan}`,
        hairpin === 'off' ? '' : `hairpin ${hairpin}`,
        portMapping.length === 0 ? '' : `port mapping ${portMapping.join(' ')}`,
      ]),
    ],
    [
      'links',
      lab.links.map(({ name, node, upstream, unplugged, mtu, mtuBlackhole, out, in: inward }) => [
        name,
        `${node} - ${upstream}`,
        mtu === ordinaryMtu && !mtuBlackhole ? '' : `mtu=${mtu}${mtuBlackhole ? ' swallowed' : ''}`,
        ...(unplugged ? ['unplugged'] : bothWays(out, inward)),
      ]),
    ],
    ['services', lab.services.map(({ name, on, state }) => [name, on, state])],
  ] as const
  const tables = sections
    .filter(([, rows]) => rows.length > 0)
    .map(([title, rows]) => `${title}\n${table(rows)}`)
  return `lab ${lab.name}, state in ${lab.stateDir}\n${tables.join('')}`
}

function bothWays(out: Impairment, inward: Impairment): string[] {
  const words = (impairment: Impairment) =>
    Object.entries(impairment)
      .filter(([, value]) => value !== false && value !== 0 && value !== 'open')
      .map(([key, value]) => `${key}=${value}`)
      .join(' ')
  const [outWords, inWords] = [words(out), words(inward)]
  if (outWords === inWords) return [outWords]
  return [`out: ${outWords || 'clear'}`, `in: ${inWords || 'clear'}`]
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = rows.reduce<number[]>(
    (widest, row) => row.map((cell, column) => Math.max(cell.length, widest[column] ?? 0)),
    [],
  )
  return rows
    .map((row) =>
      `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join('')
}

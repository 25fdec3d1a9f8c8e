// SPDX-License-Identifier: Apache-2.0
import { Command } from 'commander'
import { becomeRoot } from '../become-root.ts'
import { readDescription } from '../description-file.ts'
import { launchLab } from '../lab-launch.ts'
import type { LabPlan } from '../lab-plan.ts'
import { planLab } from '../plan-lab.ts'
import { claimLab, recordLab } from '../lab-registry.ts'
import { nameOption } from './name-option.ts'

export function upCommand(): Command {
  return new Command('up')
    .argument('<file>', 'description (TOML)')
    .description('bring up a lab; it stays until "lab down"')
    .addOption(nameOption())
    .action(up)
}

async function up(file: string, { name }: { name?: string }): Promise<void> {
  const description = await readDescription(file)
  becomeRoot()
  const labName = name ?? description.name ?? 'lab'
  const plan = planLab(description, labName)
  const started = performance.now()
  const interrupt = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => interrupt.abort())
  }
  const stateDir = await claimLab(labName, plan)
  const lab = await launchLab(plan, stateDir, interrupt.signal)
  await recordLab(lab)
  lab.detach()
  const counts = `${plan.hosts.length} hosts, ${plan.nats.length} NATs, ${plan.links.length} links`
  process.stdout.write(
    `lab ${labName} is up in ${Math.round(performance.now() - started)} ms: ${counts}\n`,
  )
  process.stdout.write(nodeLines(plan).join(''))
}

function nodeLines({ hosts, nats }: LabPlan): string[] {
  const nodes = [...hosts, ...nats.map((nat) => ({ name: nat.name, uplinks: [nat.uplink] }))]
  return nodes.map(({ name, uplinks }) => {
    const places = uplinks.map(({ addresses, upstream }) => `${addresses.join(' ')} (${upstream})`)
    return `  ${name.padEnd(16)}${places.join(', ')}\n`
  })
}

// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { askLab, type LabStatus } from './control-protocol.ts'
import type { Description, DescriptionInput } from './description.ts'
import { parseDescription, readDescription } from './description-file.ts'
import { saveEvidence } from './evidence.ts'
import { changeRequest, type Settings } from './lab-change.ts'
import { LabHost } from './lab-host.ts'
import { type LaunchedLab, labsDir, launchLab } from './lab-launch.ts'
import type { LabPlan } from './lab-plan.ts'
import { planLab } from './plan-lab.ts'
import { requireRoot } from './machine-check.ts'

/**
 * A running lab, for tests and scenarios. It dies with this process, however this process dies.
 */
export class Lab {
  readonly plan: LabPlan
  readonly stateDir: string
  readonly #launched: LaunchedLab
  readonly #hosts = new Map<string, LabHost>()

  constructor(plan: LabPlan, launched: LaunchedLab) {
    this.plan = plan
    this.stateDir = launched.stateDir
    this.#launched = launched
    const nodes = [
      ...plan.hosts,
      ...plan.nats.map(({ name, uplink }) => ({ name, uplinks: [uplink] })),
    ]
    for (const { name, outerPid } of launched.nodes) {
      const uplinks = nodes.find((node) => node.name === name)?.uplinks ?? []
      const stateDir = `${launched.stateDir}/hosts/${name}`
      this.#hosts.set(
        name,
        new LabHost({ name, outerPid, stateDir, uplinks }, () => this.saveEvidence()),
      )
    }
  }

  /** A host, a NAT, or `internet`. Throws if there is none of that name. */
  host(name: string): LabHost {
    const host = this.#hosts.get(name)
    if (host !== undefined) return host
    throw new Error(`no host is named ${name}; there are ${[...this.#hosts.keys()].join(', ')}`)
  }

  /** Changes a link, NAT or host while it runs; a node's name stands for its only link where the settings are a link's. */
  async set(target: string, settings: Settings): Promise<void> {
    await askLab(this.stateDir, changeRequest(this.plan, target, settings))
  }

  async status(): Promise<LabStatus> {
    const status = await askLab(this.stateDir, { op: 'status' })
    if (status === undefined) throw new Error('the lab gave no status')
    return status
  }

  /** Copies every log and capture, with a trace of what NATs and links did, to a directory that stays. */
  async saveEvidence(): Promise<string> {
    return saveEvidence(this)
  }

  /** Ends every process, namespace and interface of the lab, and resolves when they are gone. */
  async stop(): Promise<void> {
    await this.#launched.kill()
  }
}

/**
 * Brings a lab up from a description or the path of a TOML file.
 * Throws a DescriptionError naming every fault, or the reason why the machine cannot carry the lab.
 */
export async function startLab(
  source: DescriptionInput | string,
  options: { signal?: AbortSignal } = {},
): Promise<Lab> {
  const description: Description =
    typeof source === 'string' ? await readDescription(source) : parseDescription(source)
  const name = description.name ?? 'lab'
  requireRoot()
  const plan = planLab(description, name)
  // Labs of equal names run side by side, in one process or in many.
  const stateDir = await makeStateDir(`${name}.${randomBytes(4).toString('hex')}`, plan)
  return new Lab(plan, await launchLab(plan, stateDir, options.signal))
}

/**
 * Runs a scenario in a lab of its own. If it throws, evidence is kept and its directory is named in the error.
 */
export async function withLab<T>(
  source: DescriptionInput | string,
  scenario: (lab: Lab) => Promise<T>,
): Promise<T> {
  const lab = await startLab(source)
  try {
    return await scenario(lab)
  } catch (error) {
    const directory = await lab.saveEvidence().catch(String)
    process.stderr.write(`lab ${lab.plan.name}: logs and trace are in ${directory}\n`)
    throw error
  } finally {
    await lab.stop()
  }
}

/** Makes the directory that holds a lab's logs and sockets, and that is removed with the lab. */
export async function makeStateDir(name: string, plan: LabPlan): Promise<string> {
  const stateDir = `${labsDir}/${name}`
  await mkdir(labsDir, { recursive: true })
  // Of two that want one name at once, one fails.
  await mkdir(stateDir)
  await writeFile(`${stateDir}/plan.json`, JSON.stringify(plan, null, 2))
  return stateDir
}

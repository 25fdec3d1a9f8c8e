// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs'
import { access, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { askLab, type StartedNode } from './control-protocol.ts'
import { type LaunchedLab, labsDir } from './lab-launch.ts'
import { makeStateDir } from './lab.ts'
import type { LabPlan } from './lab-plan.ts'
import { until } from './until.ts'

/** What `up` writes down, so that later commands find the lab. */
interface LabRecord {
  readonly pid: number
  /** Tells this process from a later one that was given the same pid. */
  readonly startTicks: string
  readonly nodes: readonly StartedNode[]
}

export interface RegisteredLab extends LabRecord {
  readonly name: string
  readonly stateDir: string
  readonly plan: LabPlan
}

const recordFile = 'lab.json'

/**
 * Makes sure that no lab of this name is up or coming up, and removes what one that was killed has left behind.
 * Until `recordLab`, the lab is as alive as this process.
 */
export async function claimLab(name: string, plan: LabPlan): Promise<string> {
  const stateDir = `${labsDir}/${name}`
  const isThere = await access(stateDir).then(
    () => true,
    () => false,
  )
  const record = isThere ? await readRecord(stateDir) : undefined
  if (record !== undefined && isAlive(record)) {
    throw new Error(
      `lab ${name} is up already: end it with "lab down --name ${name}", or choose another --name`,
    )
  }
  await rm(stateDir, { recursive: true, force: true })
  await makeStateDir(name, plan)
  await recordLab({ stateDir, pid: process.pid, nodes: [] })
  return stateDir
}

export async function recordLab({
  stateDir,
  pid,
  nodes,
}: Pick<LaunchedLab, 'stateDir' | 'pid' | 'nodes'>): Promise<void> {
  const record: LabRecord = { pid, nodes, startTicks: startTicks(pid) ?? '' }
  // Whoever sees the file sees all of it.
  await writeFile(`${stateDir}/${recordFile}.new`, JSON.stringify(record))
  await rename(`${stateDir}/${recordFile}.new`, `${stateDir}/${recordFile}`)
}

/** The lab of that name, or the only one that is up. Throws in words that name those that are. */
export async function findLab(name: string | undefined): Promise<RegisteredLab> {
  const labs = await runningLabs()
  const names = labs.map((lab) => lab.name).join(', ') || 'none'
  if (name !== undefined) {
    const lab = labs.find((entry) => entry.name === name)
    if (lab === undefined) throw new Error(`no lab is named ${name}; up: ${names}`)
    return lab
  }
  const [only, ...others] = labs
  if (only === undefined) throw new Error('no lab is up: bring one up with "lab up FILE"')
  if (others.length > 0) throw new Error(`several labs are up (${names}): choose one with --name`)
  return only
}

export function nodeOf(lab: RegisteredLab, name: string): StartedNode & { stateDir: string } {
  const node = lab.nodes.find((entry) => entry.name === name)
  if (node === undefined) {
    throw new Error(
      `no host is named ${name}; there are ${lab.nodes.map((entry) => entry.name).join(', ')}`,
    )
  }
  return { ...node, stateDir: `${lab.stateDir}/hosts/${name}` }
}

/** Ends a lab and returns its name. A daemon that does not answer is killed, which ends the lab as well. */
export async function endLab(name: string | undefined): Promise<string> {
  const lab = await findLab(name)
  await askLab(lab.stateDir, { op: 'stop' }).catch(() => undefined)
  await until(() => !isAlive(lab), { deadlineMs: 5000, what: `lab ${lab.name} ends` }).catch(
    async () => {
      process.kill(lab.pid, 'SIGKILL')
      await until(() => !isAlive(lab), { deadlineMs: 5000, what: `lab ${lab.name} dies` })
    },
  )
  await rm(lab.stateDir, { recursive: true, force: true })
  return lab.name
}

async function runningLabs(): Promise<RegisteredLab[]> {
  const names = await readdir(labsDir).catch(() => [])
  const labs = await Promise.all(
    names.map(async (name) => {
      const stateDir = `${labsDir}/${name}`
      const record = await readRecord(stateDir)
      if (record === undefined || !isAlive(record)) return []
      const plan = JSON.parse(await readFile(`${stateDir}/plan.json`, 'utf8')) as LabPlan
      return [{ ...record, name, stateDir, plan }]
    }),
  )
  return labs.flat()
}

async function readRecord(stateDir: string): Promise<LabRecord | undefined> {
  const text = await readFile(`${stateDir}/${recordFile}`, 'utf8').catch(() => undefined)
  return text === undefined ? undefined : (JSON.parse(text) as LabRecord)
}

function isAlive({ pid, startTicks: since }: LabRecord): boolean {
  return startTicks(pid) === since
}

/** Field 22 of /proc/PID/stat; undefined for a process that is gone or a zombie. */
function startTicks(pid: number): string | undefined {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')
    return fields[0] === 'Z' ? undefined : fields[19]
  } catch {
    return undefined
  }
}

// SPDX-License-Identifier: Apache-2.0
import { cp, mkdir, writeFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { LabHost } from './lab-host.ts'
import type { LabPlan } from './lab-plan.ts'

const evidenceDir = fileURLToPath(new URL('../.build/lab/', import.meta.url))

/** What a person asks each node first when a scenario failed. */
const questions = [
  ['ip', '-br', 'addr'],
  ['ip', 'route'],
  ['ss', '-tunap'],
] as const
const natQuestions = [
  ['nft', 'list', 'ruleset'],
  ['conntrack', '-L'],
] as const

/** A lab that still runs. */
interface Witness {
  readonly stateDir: string
  readonly plan: LabPlan
  status(): Promise<unknown>
  host(name: string): LabHost
}

/**
 * Copies the lab's logs and captures to a directory that outlives it, and adds trace.txt: the lab's status, and each
 * node's addresses, routes, sockets and, on a NAT, its rules and flows. Returns the directory.
 */
export async function saveEvidence(lab: Witness): Promise<string> {
  const directory = `${evidenceDir}${basename(lab.stateDir)}`
  await mkdir(directory, { recursive: true })
  const status = await lab.status().catch(String)
  const nats = new Set(lab.plan.nats.map(({ name }) => name))
  const names = ['internet', ...nats, ...lab.plan.hosts.map((host) => host.name)]
  const answers = await Promise.all(
    names.map(async (name) =>
      answersOf(lab, name, [...questions, ...(nats.has(name) ? natQuestions : [])]),
    ),
  )
  const parts = [`${lab.plan.name}\n${JSON.stringify(status, null, 2)}`, ...answers.flat()]
  await writeFile(`${directory}/trace.txt`, parts.join('\n'))
  await cp(lab.stateDir, directory, {
    recursive: true,
    // Sockets and device nodes cannot be copied, and a booted system is too large.
    filter: (path) => !path.endsWith('.sock') && !path.endsWith('/booted'),
  })
  return directory
}

async function answersOf(
  lab: Witness,
  node: string,
  asked: readonly (readonly string[])[],
): Promise<string[]> {
  const answers: string[] = []
  for (const question of asked) {
    const answer = await lab
      .host(node)
      .exec(question, { deadlineMs: 5000 })
      .catch((error: Error) => ({ stdout: '', stderr: error.message }))
    answers.push(`${node}# ${question.join(' ')}\n${answer.stdout}${answer.stderr}`)
  }
  return answers
}

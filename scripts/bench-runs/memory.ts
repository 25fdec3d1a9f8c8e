// SPDX-License-Identifier: Apache-2.0
/** Resident memory of both processes in a network of three, after a transfer. */
import { readFileSync } from 'node:fs'
import { startLab } from '../../netns-lab/lab.ts'
import { Member } from '../../netns-lab/member.ts'
import { type BenchResult, spread } from './figures.ts'
import { pidIn } from './process-id.ts'

const PINGS = 200

export async function benchMemory(): Promise<BenchResult> {
  const lab = await startLab('netns-lab/examples/demo.toml')
  try {
    const members = ['hub', 'alice', 'bob'].map((name) => new Member(lab.host(name)))
    const [hub, alice, bob] = members as [Member, Member, Member]
    await hub.init()
    await hub.run()
    const token = await hub.createToken('--uses', '2')
    for (const home of [alice, bob]) {
      await home.join(token)
      await home.run()
    }
    const { addresses } = await alice.reaches('bob')
    await alice.host.run(['ping', '-q', '-i', '0.01', '-c', String(PINGS), addresses[0]!])
    const agents = await Promise.all(members.map((one) => residentMb(one, 'meshgate-agent')))
    const helpers = await Promise.all(members.map((one) => residentMb(one, 'meshgate-helper')))
    return {
      rows: [
        `agent: ${spread(agents)} MB resident, aim under 90`,
        `helper: ${spread(helpers)} MB resident, aim under 25`,
      ],
      facts: { agentMb: agents, helperMb: helpers },
    }
  } finally {
    await lab.stop()
  }
}

async function residentMb(member: Member, name: string): Promise<number> {
  const pid = await pidIn(member.host, name)
  const match = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
  return Number(match?.[1] ?? Number.NaN) / 1024
}

// SPDX-License-Identifier: Apache-2.0
/** `meshgate policy`: who may reach whom. */
import {
  allowanceText,
  permits,
  type Policy,
  POLICY_PROTOCOLS,
  type PolicyProtocol,
  type PolicyRule,
} from '../../../topology/policy.ts'
import { signPolicy } from '../../../topology/policy-codec.ts'
import { ApiClient } from '../api/api-client.ts'
import type { Status } from '../../core/status.ts'
import { readClock } from '../clock.ts'
import { Failure } from '../failure.ts'
import { readPolicyFile } from '../policy-file.ts'
import { POLICY_SETTING } from '../authority/policy-setting.ts'
import { announce, announcedText } from './announce.ts'
import { withAuthority } from './authority-access.ts'
import { type CommandContext, print } from './context.ts'
import { parseCount, usage } from './option-values.ts'

interface TestOptions {
  readonly from: string
  readonly to: string
  readonly protocol: string
  readonly port?: string
  readonly file?: string
}

/** `meshgate policy check FILE` */
export async function checkPolicy(
  context: CommandContext,
  _options: object,
  file: string,
): Promise<number> {
  const rules = readPolicyFile(file)
  print(context, { rules }, `${file} is a policy of ${countText(rules)}`)
  return 0
}

/** `meshgate policy set FILE`, or `--open`, which needs none: `file` is empty then. */
export async function setPolicy(
  context: CommandContext,
  options: { readonly open?: boolean },
  file: string,
): Promise<number> {
  if (options.open !== true && file === '')
    throw usage('no policy was given', 'name its file, or pass --open to let members reach members')
  const rules = options.open === true ? OPEN : readPolicyFile(file)
  return withAuthority(context, async ({ store, membership, signer }) => {
    const now = readClock().wall
    const { serial, envelope } = await store.transact((ledger) => {
      const next = ledger.nextSerial(now)
      const policy = { network: membership.network.id, serial: next, issuedAt: now, rules }
      const sealed = signPolicy(policy, signer)
      ledger.putSetting(POLICY_SETTING, Buffer.from(sealed).toString('base64'))
      return { serial: next, envelope: sealed }
    })
    const told = await announce(context, 'policy', envelope)
    const text = `policy of ${countText(rules)} signed; ${announcedText(told)}`
    print(context, { serial, rules, announced: told }, text)
    return 0
  })
}

/** `meshgate policy show` */
export async function showPolicy(context: CommandContext): Promise<number> {
  const { policy } = await currentPolicy(context)
  const text = policy === null ? 'no policy: members reach members' : rulesText(policy.rules)
  print(context, policy, text)
  return 0
}

/** `meshgate policy test`: exit code 0 if it is allowed, 1 if it is not. */
export async function testPolicy(context: CommandContext, options: TestOptions): Promise<number> {
  const protocol = protocolOf(options.protocol)
  const port =
    options.port === undefined ? undefined : parseCount('--port', options.port, 1, 65_535)
  const rules =
    options.file === undefined
      ? ((await currentPolicy(context)).policy?.rules ?? OPEN)
      : readPolicyFile(options.file)
  const members = await knownMembers(context)
  const [from, to] = [options.from, options.to].map((name) => memberNamed(members, name))
  const allowed = permits(rules, from!, to!, { protocol, port })
  const what = allowanceText(rules, from!, to!)
  const verdict = allowed ? 'allowed' : 'refused'
  const text = `${verdict}: ${options.from} may reach ${options.to} by: ${what}`
  print(context, { allowed, allowance: what }, text)
  return allowed ? 0 : 1
}

/** What holds without a policy, as one. */
const OPEN: readonly PolicyRule[] = [{ from: ['*'], to: ['*'], protocol: 'any', ports: [] }]

async function currentPolicy({ runDir }: CommandContext): Promise<{ policy: Policy | null }> {
  return new ApiClient(runDir).get<{ policy: Policy | null }>('/v1/policy')
}

interface Known {
  readonly name: string
  readonly tags: readonly string[]
}

async function knownMembers({ runDir }: CommandContext): Promise<Known[]> {
  const { self, peers } = await new ApiClient(runDir).get<Status>('/v1/status')
  return [self, ...peers]
}

function memberNamed(members: readonly Known[], name: string): Known {
  const member = members.find((one) => one.name === name)
  if (member !== undefined) return member
  throw new Failure('no-such-peer', `no member is called ${name}`, {
    remedy: '`meshgate status` lists the members',
  })
}

function protocolOf(text: string): PolicyProtocol {
  const protocol = POLICY_PROTOCOLS.find((one) => one === text)
  if (protocol !== undefined) return protocol
  throw usage(`--protocol ${text} is none`, `give one of ${POLICY_PROTOCOLS.join(', ')}`)
}

function rulesText(rules: readonly PolicyRule[]): string {
  if (rules.length === 0) return 'nobody may reach anybody'
  return rules
    .map(({ from, to, protocol, ports }) => {
      const at = ports.map(([low, high]) => (low === high ? `${low}` : `${low}-${high}`))
      return `${from.join(', ')} -> ${to.join(', ')}: ${[protocol, at.join(', ')].join(' ').trim()}`
    })
    .join('\n')
}

function countText(rules: readonly PolicyRule[]): string {
  return rules.length === 1 ? 'one rule' : `${rules.length} rules`
}

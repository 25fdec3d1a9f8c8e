// SPDX-License-Identifier: Apache-2.0
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import type { Command } from 'commander'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { program } from '../../../../agent/shell/cli/command-line.ts'
import { nodeCrypto, signerOf } from '../../../../agent/shell/node-crypto.ts'
import { wallTime } from '../../../../nat/clock.ts'
import { signGrant } from '../../../../topology/grant.ts'
import { formatToken, parseToken } from '../../../../topology/token.ts'
import { PretendedHost } from './meshgate-command.ts'

const DEADLINE = { timeout: 10_000, interval: 50 }

/** Each command that does something itself. */
function everyCommand(command: Command): Command[] {
  return command.commands.flatMap((one) => (one.commands.length === 0 ? [one] : everyCommand(one)))
}

function pathOf(command: Command): string {
  const parent = command.parent?.parent === null ? '' : `${command.parent?.name()} `
  return `${parent}${command.name()}`
}

function helpOf(command: Command): string {
  let help = ''
  command.configureOutput({ writeOut: (text) => void (help += text) }).outputHelp()
  return help
}

describe('the command line', () => {
  let host: PretendedHost

  beforeAll(() => {
    host = new PretendedHost()
    writeFileSync(host.configPath, '')
  })

  afterAll(() => host.close())

  it('shows an example in the help of every command', async () => {
    for (const command of everyCommand(program(() => async () => undefined, false))) {
      const help = helpOf(command)
      expect(help).toContain('Examples:')
      expect(help).toContain(`meshgate ${pathOf(command)}`)
      expect(help).toContain('--state-dir')
    }
    const { code, out } = await host.meshgate(['token', 'create', '--help'])
    expect({ code, out }).toMatchObject({ code: 0, out: expect.stringContaining('Examples:') })
  })

  it('says whether the configuration file is right, with the nearest known key', async () => {
    const other = new PretendedHost()
    writeFileSync(other.configPath, 'mtu = 1400\n')
    expect(await other.meshgate(['config', 'check'])).toMatchObject({ code: 0 })
    writeFileSync(other.configPath, 'listen_prot = 1\n')
    const { code, err } = await other.meshgate(['config', 'check'])
    expect(code).toBe(2)
    expect(err).toContain('listen_prot 1 is no known key: did you mean listen_port?')
    await other.close()
  })

  it('ends with 2 when it is asked for wrongly, and says so in JSON if that was asked for', async () => {
    expect(await host.meshgate(['frobnicate'])).toMatchObject({ code: 2, out: '' })
    const { code, err } = await host.meshgate(['ping', '--json'])
    expect(code).toBe(2)
    expect(JSON.parse(err)).toMatchObject({ error: { code: 'usage' } })
    const nothing = await host.meshgate(['--json'])
    expect(nothing.code).toBe(2)
    expect(JSON.parse(nothing.err)).toMatchObject({
      error: { code: 'usage', message: 'no command was given' },
    })
  })

  it('has `help` as people type it, and examples to begin with', async () => {
    const whole = await host.meshgate(['help'])
    expect(whole).toMatchObject({ code: 0, out: expect.stringContaining('meshgate join TOKEN') })
    const { code, out } = await host.meshgate(['help', 'ping'])
    expect({ code, out }).toEqual({
      code: 0,
      out: (await host.meshgate(['ping', '--help'])).out,
    })
  })

  it.each([
    [['join', 'mg1_abc', '--wait', 'banana'], /--wait banana is not a duration/],
    [
      ['token', 'create', '--ephemeral', '1s'],
      /--ephemeral 1s is out of range\n {2}give 1m to 15d/,
    ],
  ])('refuses %j before anything else', async (words, said) => {
    const { code, err } = await host.meshgate(words)
    expect(code).toBe(2)
    expect(err).toMatch(said)
  })

  it.each([[['bugreport', '--output']], [['policy', 'check']], [['authority', 'restore']]])(
    'names the path of %j that is not there, and no error of the system',
    async (words) => {
      const { code, err } = await host.meshgate([...words, '/nonexistent/file'])
      expect(code).toBe(1)
      expect(err).toMatch(/\/nonexistent\/file: no such file or directory\n {2}is the path right\?/)
      expect(err).not.toContain('ENOENT')
    },
  )

  it('says what to do when no agent answers', async () => {
    const member = new PretendedHost()
    writeFileSync(member.configPath, '')
    await member.meshgate(['init', '--name', 'alpha'])
    const { code, err } = await member.meshgate(['status'])
    await member.close()
    expect(code).toBe(1)
    expect(err).toContain('no agent answers on')
    expect(err).toContain('meshgate run')
    const json = await host.meshgate(['status', '--json'])
    expect(JSON.parse(json.err)).toMatchObject({ error: { code: 'no-agent' } })
  })

  it('tells a host that is no member to become one', async () => {
    for (const command of [['token', 'list'], ['run', '--no-helper'], ['leave'], ['peers']]) {
      const { code, err } = await host.meshgate(command)
      expect(code).toBe(1)
      expect(err).toMatch(/not a member of a network.*`meshgate init`.*`meshgate join TOKEN`/s)
    }
  })

  it('names everything that is wrong with the configuration before it touches anything', async () => {
    const other = new PretendedHost()
    writeFileSync(other.configPath, 'mtu = 5\nlisten_prot = 1\n')
    const { code, err } = await other.meshgate(['init'])
    expect(code).toBe(2)
    expect(err).toContain('mtu')
    expect(err).toContain('listen_port')
    expect(existsSync(`${other.stateDir}/node.json`)).toBe(false)
    await other.close()
  })
})

describe('a network made on the command line', () => {
  let founder: PretendedHost
  const joiners: PretendedHost[] = []

  beforeAll(async () => {
    founder = new PretendedHost()
    writeFileSync(
      founder.configPath,
      'listen_addresses = ["127.0.0.1"]\nadvertise = ["127.0.0.1"]\n',
    )
    const made = await founder.meshgate(['init', '--name', 'alpha', '--network', 'lab', '--json'])
    expect(JSON.parse(made.out)).toMatchObject({ network: 'lab', name: 'alpha' })
    await founder.run()
  })

  afterAll(async () => {
    await Promise.all([founder, ...joiners].map((host) => host.close()))
  })

  function newHost(): PretendedHost {
    const host = new PretendedHost()
    joiners.push(host)
    writeFileSync(host.configPath, 'listen_addresses = ["127.0.0.1"]\n')
    return host
  }

  async function token(...options: string[]): Promise<string> {
    const { code, out } = await founder.meshgate(['token', 'create', ...options])
    expect(code).toBe(0)
    return out.trim()
  }

  const codeOf = async (host: PretendedHost, args: string[]) => {
    const { code, err } = await host.meshgate(['join', ...args, '--json'])
    expect(code).not.toBe(0)
    return (JSON.parse(err) as { error: { code: string } }).error.code
  }

  it('prints the token alone on stdout, and the facts on stderr', async () => {
    const { out, err } = await founder.meshgate(['token', 'create', '--uses', '2'])
    expect(out).toMatch(/^mg1_[\w-]+\n$/)
    expect(err).toContain('2 hosts until')
    expect(err).toContain('/ip4/127.0.0.1/tcp/')
  })

  it('lets a host join and see its peer, and refuses it a second membership', async () => {
    const host = newHost()
    const joined = await host.meshgate(['join', '-', '--name', 'beta'], await token())
    expect(joined).toMatchObject({ code: 0 })
    expect(joined.out).toContain('joined network lab as beta')
    await host.run()
    const names = async () => {
      const { out } = await host.meshgate(['status', '--json'])
      const { peers } = JSON.parse(out) as { peers: { name: string }[] }
      return peers.map(({ name }) => name)
    }
    await expect.poll(names, DEADLINE).toEqual(['alpha'])
    const { out } = await host.meshgate(['status'])
    const rows = out.slice(out.indexOf('peer ')).split('\n')
    expect(Math.max(...rows.map(({ length }) => length))).toBeLessThanOrEqual(100)
    expect(await codeOf(host, [await token()])).toBe('already-a-member')
  })

  it('admits no more hosts than the token says', async () => {
    const text = await token('--uses', '1')
    const [first, second] = [newHost(), newHost()]
    expect(await first.meshgate(['join', text, '--name', 'first'])).toMatchObject({ code: 0 })
    expect(await codeOf(second, [text, '--name', 'second'])).toBe('token-used-up')
  })

  it('tells apart what can be wrong with a token', async () => {
    const host = newHost()
    const good = await token()
    expect(await codeOf(host, ['nonsense'])).toBe('not-a-token')
    expect(await codeOf(host, [good.slice(0, 200)])).toBe('token-truncated')
    expect(
      await codeOf(host, [`${good.slice(0, 40)}${good[40] === 'A' ? 'B' : 'A'}${good.slice(41)}`]),
    ).toBe('token-damaged')
    expect(await codeOf(host, [resigned(good, 'forged')])).toBe('token-forged')
    expect(await codeOf(host, [resigned(good, 'foreign')])).toBe('token-foreign')
    const short = await token('--expires', '1s')
    const states = async () => (await founder.meshgate(['token', 'list'])).out
    await expect.poll(states, DEADLINE).toContain('expired')
    expect(await codeOf(host, [short])).toBe('token-expired')
  })

  it('lists the addresses that it tried in vain', async () => {
    const host = newHost()
    const text = await token()
    const nowhere = relabel(text, ['/ip4/127.0.0.1/tcp/1'])
    const { code, err } = await host.meshgate(['join', nowhere])
    expect(code).toBe(1)
    expect(err).toContain('/ip4/127.0.0.1/tcp/1 (no answer)')
  })

  it('revokes a token by the beginning of its id', async () => {
    const { out } = await founder.meshgate(['token', 'create', '--json'])
    const { id, token: text } = JSON.parse(out) as { id: string; token: string }
    expect(await founder.meshgate(['token', 'revoke', id.slice(0, 8)])).toMatchObject({ code: 0 })
    const list = await founder.meshgate(['token', 'list', '--json'])
    expect(JSON.parse(list.out)).toContainEqual(expect.objectContaining({ id, state: 'revoked' }))
    expect(await codeOf(newHost(), [text])).toBe('token-revoked')
  })

  it('refuses to run twice on one run directory', async () => {
    const { code, err } = await founder.meshgate(['run', '--no-helper'])
    expect(code).toBe(1)
    expect(err).toContain('already answers')
  })

  it('is left by a host, which then knows nothing of it', async () => {
    const host = newHost()
    await host.meshgate(['join', await token(), '--name', 'leaver'])
    expect(await host.meshgate(['leave'])).toMatchObject({ code: 0 })
    expect(existsSync(`${host.stateDir}/membership.json`)).toBe(false)
    expect(readFileSync(founder.configPath, 'utf8')).toContain('advertise')
  })

  it('is not given up by the host that holds its key without saying so twice', async () => {
    const { code, err } = await founder.meshgate(['leave'])
    expect(code).toBe(1)
    expect(err).toContain('--destroy-authority')
  })
})

/** A token like this one, but with a grant that another key signed; or all of another network. */
function resigned(text: string, kind: 'forged' | 'foreign'): string {
  const read = parseToken(text, nodeCrypto, wallTime(Date.now()))
  if (!read.ok) throw new Error(read.error)
  const other = signerOf(new Uint8Array(32).fill(42))
  const network = Buffer.from(nodeCrypto.hash(other.publicKey)).toString('hex').slice(0, 32)
  const grant =
    kind === 'forged' ? read.value.grant : { ...read.value.grant, network: network as never }
  const authorityKey = kind === 'forged' ? read.value.authorityKey : other.publicKey
  return formatToken({ ...read.value, authorityKey, grant: signGrant(grant, other) }, nodeCrypto)
}

/** The same token with other addresses; its grant is kept as it was signed. */
function relabel(text: string, dialAddresses: readonly string[]): string {
  const read = parseToken(text, nodeCrypto, wallTime(Date.now()))
  if (!read.ok) throw new Error(read.error)
  const other = signerOf(new Uint8Array(32).fill(43))
  const id = Buffer.from(nodeCrypto.hash(other.publicKey)).toString('hex').slice(0, 32)
  const bootstrap = read.value.bootstrap.map((member) => ({ ...member, dialAddresses }))
  const grant = signGrant({ ...read.value.grant, network: id as never }, other)
  return formatToken({ ...read.value, authorityKey: other.publicKey, grant, bootstrap }, nodeCrypto)
}

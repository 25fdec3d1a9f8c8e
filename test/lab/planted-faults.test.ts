// SPDX-License-Identifier: Apache-2.0
/**
 * Faults of a host, planted for real in a network and mount namespace of their own: what the doctor and the commands
 * say of each. No network runs here; test/lab/operating.test.ts has the faults of one that does. Needs the build.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { clockShift, DAY_MS } from '../../netns-lab/clock-shift.ts'

const MESHGATE = join(import.meta.dirname, '../../bin/meshgate')
const NOBODY = 'setpriv --reuid=65534 --regid=65534 --clear-groups'

let directory: string

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'meshgate-faults-'))
  execFileSync('chmod', ['755', directory])
  const plan = ['--name', 'alpha', '--ipv4-prefix', '10.7.0.0/16']
  execFileSync(MESHGATE, [`--state-dir=${directory}/state`, 'init', ...plan])
})

afterAll(() => rmSync(directory, { recursive: true, force: true }))

interface Said {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** Plants by lines of shell, where $D is the state directory and $W a folder, and then runs a command. */
function afterwards(plant: string, command: string): Said {
  const script = `ip link set lo up
mkdir -p $W && mount -t tmpfs -o size=3m none $W && cp -a $D $W/copy && touch $W/config.toml
${plant}
exec ${command.replaceAll('meshgate', `${MESHGATE} --run-dir $W/run --config $W/config.toml`)}`
  const environment = { ...process.env, D: `${directory}/state`, W: `${directory}/work` }
  const alone = ['--net', '--mount', 'sh', '-ec', script]
  const { status, stdout, stderr } = spawnSync('unshare', alone, {
    env: environment,
    encoding: 'utf8',
  })
  return { code: status, out: stdout, err: stderr }
}

interface Finding {
  readonly check: string
  readonly verdict: string
  readonly found: string
  readonly remedy: string
}

const clockIsOff = (days: number) => `export NODE_OPTIONS='${clockShift(days * DAY_MS)}'`

describe('the doctor finds', () => {
  it.each([
    ['config', 'interfce', `echo 'interfce = "x"' >$W/config.toml`],
    ['config', 'mtu', `echo 'mtu = "large"' >$W/config.toml`],
    ['config', 'toml', `printf 'mtu = = 1\\n' >$W/config.toml`],
    ['state', 'not a member', 'mkdir $W/none; S=$W/none'],
    ['state', 'membership.json', 'truncate -s 20 $W/copy/membership.json; S=$W/copy'],
    ['state', 'cannot be written', 'mount --bind $D $D; mount -o remount,bind,ro $D'],
    ['disk', 'MiB free', 'S=$W/copy'],
    ['clock', "before this host's certificate was made", clockIsOff(-400)],
    ['certificate', 'was not renewed', clockIsOff(27)],
    ['certificate', 'no member any more', clockIsOff(40)],
    ['tun', 'no /dev/net/tun', 'mkdir -p /dev/net; mount -t tmpfs none /dev/net'],
    ['ipv6', 'switched off', 'sysctl -qw net.ipv6.conf.all.disable_ipv6=1'],
    [
      'routes',
      '10.7.128.0/17 goes to wg9',
      'ip tuntap add wg9 mode tap; ip link set wg9 up; ip route add 10.7.128.0/17 dev wg9',
    ],
    ['agent', 'no agent answers', 'true'],
    ['agent', 'may not talk to the agent', 'mkdir -m 700 $W/run; U="$NOBODY"'],
  ])('%s: %s', (check, found, plant) => {
    const { out } = afterwards(
      `S=$D; U=; NOBODY='${NOBODY}'\n${plant}`,
      '$U meshgate --state-dir $S --json doctor',
    )
    const findings = JSON.parse(out) as Finding[]
    const hit = findings.find((one) => one.check === check && one.verdict !== 'good')
    expect(hit?.found.toLowerCase()).toContain(found.toLowerCase())
    expect(hit?.remedy).not.toBe('')
  })

  it('nothing of that on a host where nothing was planted', () => {
    const { out } = afterwards('true', 'meshgate --state-dir $D --json doctor')
    const findings = JSON.parse(out) as Finding[]
    const troubled = findings.filter(({ verdict }) => verdict !== 'good')
    expect(troubled.map(({ check }) => check)).toEqual(['agent'])
  })
})

describe('one sentence and a remedy are said', () => {
  const isClear = ({ code, err }: Said, sentence: RegExp) => {
    expect(err).toMatch(sentence)
    expect(err).not.toMatch(/\n {4}at |node:internal/)
    expect(code).toBeGreaterThan(0)
  }

  it('where a token is to be kept on a full disk', () => {
    const fill = 'cat /dev/zero >$W/rest 2>/dev/null || true'
    const create = 'meshgate --state-dir $W/copy token create --bootstrap 203.0.113.7'
    isClear(afterwards(fill, create), /the disk has room/)
  })

  it('where a token is to be kept on a file system that cannot be written', () => {
    const create = 'meshgate --state-dir $W/copy token create --bootstrap 203.0.113.7'
    isClear(afterwards('mount -o remount,ro $W', create), /read-?only|cannot be written/i)
  })

  it('where a network is to be made on either', () => {
    const init = 'meshgate --state-dir $W/new init --name beta'
    isClear(
      afterwards('cat /dev/zero >$W/rest 2>/dev/null || true', init),
      /full|no space|no room/i,
    )
    isClear(afterwards('mount -o remount,ro $W', init), /read-?only|cannot be written/i)
  })
})

// SPDX-License-Identifier: Apache-2.0
/** Facts in, findings out. Each check says one thing, and what to do about it. */
import { parseIp } from '../../../nat/address.ts'
import { CLOCK_SKEW_MS } from '../../../topology/certificate.ts'
import { parsePrefix, prefixContains } from '../../../topology/prefix.ts'
import { BECOME_A_MEMBER } from '../cli/membership.ts'
import { diagnosePeers, diagnoseSelf } from './diagnose-network.ts'
import type { Facts } from './facts.ts'
import type { Finding } from './finding.ts'

const FREE_BYTES_MIN = 16 * 1024 * 1024
const DAY_MS = 86_400_000
/** Certificates renew at half of their thirty days: with less than this left something keeps them from it. */
const CERTIFICATE_LEFT_MS = 5 * DAY_MS

export function diagnose(facts: Facts): Finding[] {
  const host = [config(facts), state(facts), disk(facts), clock(facts), certificate(facts)]
  const system = [tun(facts), ipv6(facts), routes(facts), services(facts), agent(facts)]
  const { agent: answer } = facts
  const network = answer.ok ? [...diagnoseSelf(answer), ...diagnosePeers(answer.status)] : []
  return [...host, ...system, ...network]
}

const good = (check: string, found: string): Finding => ({
  check,
  verdict: 'good',
  found,
  remedy: '',
})

function config({ hasConfig, configProblem, paths }: Facts): Finding {
  if (configProblem === undefined)
    return good(
      'config',
      hasConfig ? `${paths.config} is right` : `no ${paths.config}: every key has its default`,
    )
  const remedy = 'correct the file; `meshgate config check` says the same again'
  return { check: 'config', verdict: 'bad', found: configProblem, remedy }
}

function state({ state: { problem, isMember, isWritable }, paths }: Facts): Finding {
  const check = 'state'
  if (problem !== undefined)
    return { check, verdict: 'bad', found: problem.message, remedy: problem.remedy }
  if (!isMember)
    return {
      check,
      verdict: 'bad',
      found: `this host is not a member of a network (${paths.state})`,
      remedy: BECOME_A_MEMBER,
    }
  if (!isWritable)
    return {
      check,
      verdict: 'bad',
      found: `${paths.state} cannot be written: a restart would lose what the agent learns`,
      remedy: `mount its file system writable, or give it to the agent's user: chown -R meshgate ${paths.state}`,
    }
  return good(check, `${paths.state} holds this host's keys and membership`)
}

function disk({ state: { freeBytes }, paths }: Facts): Finding {
  const free = `${Math.floor(freeBytes / 1_048_576)} MiB free for ${paths.state}`
  if (freeBytes >= FREE_BYTES_MIN) return good('disk', free)
  return { check: 'disk', verdict: 'bad', found: free, remedy: 'make room: 16 MiB are enough' }
}

function clock({ now, state: { certificate: own }, agent: answer }: Facts): Finding {
  const check = 'clock'
  const time = new Date(now).toISOString()
  const off = answer.ok ? answer.status.self.clock : null
  if (off !== null)
    return {
      check,
      verdict: 'bad',
      found: off.sentence,
      remedy: `set it: timedatectl set-ntp true. Beyond ${CLOCK_SKEW_MS / 60_000} minutes members refuse each other's documents, and searches through hard NATs miss each other long before`,
    }
  if (own === undefined || now >= own.notBefore) return good(check, `it is ${time}`)
  return {
    check,
    verdict: 'bad',
    found: `the clock says ${time}, before this host's certificate was made`,
    remedy: 'set it: timedatectl set-ntp true. Others refuse what seems to come from the past',
  }
}

function certificate({ now, state: { certificate: own } }: Facts): Finding {
  const check = 'certificate'
  if (own === undefined) return good(check, 'none yet')
  const until = new Date(own.notAfter).toISOString()
  const leftMs = own.notAfter - now
  if (leftMs >= CERTIFICATE_LEFT_MS) return good(check, `valid until ${until}`)
  if (leftMs > 0)
    return {
      check,
      verdict: 'look',
      found: `runs out at ${until} and was not renewed`,
      remedy: 'the host that holds the network key must be up: it renews by itself when reached',
    }
  return {
    check,
    verdict: 'bad',
    found: `ran out at ${until}: this host is no member any more`,
    remedy: 'run `meshgate leave`, then join again with a new token',
  }
}

function tun({ hasTunDevice }: Facts): Finding {
  if (hasTunDevice) return good('tun', '/dev/net/tun is there')
  const remedy = 'load it: modprobe tun; in a container, pass the device in (--device /dev/net/tun)'
  return { check: 'tun', verdict: 'bad', found: 'there is no /dev/net/tun', remedy }
}

function ipv6({ hasIpv6 }: Facts): Finding {
  if (hasIpv6) return good('ipv6', 'the system has IPv6')
  return {
    check: 'ipv6',
    verdict: 'look',
    found: 'IPv6 is switched off: mesh addresses of IPv6 do not work here',
    remedy: 'sysctl net.ipv6.conf.all.disable_ipv6=0; IPv4 in the mesh works without it',
  }
}

/** Another network inside ours takes its packets away; one around ours is harmless: the longer prefix wins. */
function routes({ routes: others, state: { network } }: Facts): Finding {
  const check = 'routes'
  if (network === undefined) return good(check, 'no address plan yet')
  const plans = [network.ipv4Prefix, network.ipv6Prefix]
  const clash = others.find(({ prefix }) => plans.some((plan) => isInside(prefix, plan)))
  if (clash === undefined) return good(check, `nothing else is routed inside ${plans.join(', ')}`)
  return {
    check,
    verdict: 'bad',
    found: `${clash.prefix} goes to ${clash.interface}, and lies inside the mesh's addresses`,
    remedy: `take that route away (another VPN?), or found the network with another --ipv4-prefix`,
  }
}

function isInside(inner: string, outer: string): boolean {
  const [ip = '', length = ''] = inner.split('/')
  const [plan, address] = [parsePrefix(outer), parseIp(ip)]
  if (!plan.ok || !address.ok) return false
  return Number(length) >= plan.value.length && prefixContains(plan.value, address.value)
}

function services({ services: installed }: Facts): Finding {
  if (installed !== 'not-enabled')
    return good('services', installed === 'none' ? 'not installed as services' : 'start at boot')
  return {
    check: 'services',
    verdict: 'look',
    found: 'the services do not start when this host boots',
    remedy: 'systemctl enable --now meshgate-helper.service meshgate.service',
  }
}

function agent({ agent: answer, paths, version }: Facts): Finding {
  const check = 'agent'
  if (answer.ok) return good(check, `answers on ${paths.run}/agent.sock; this is ${version}`)
  const remedy =
    answer.code === 'not-permitted'
      ? 'use sudo, or have yourself added: usermod --append --groups meshgate USER'
      : 'systemctl start meshgate, and see its log: journalctl -u meshgate; without the package: sudo meshgate run'
  return { check, verdict: 'bad', found: answer.message, remedy }
}

// SPDX-License-Identifier: Apache-2.0
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'

/** One host, NAT or the internet: its own network, mount and UTS namespaces, held open by one sleeping process. */
export interface NodeNamespace {
  readonly name: string
  /** The holder, as the lab daemon sees it. */
  readonly pid: number
  /** The holder, as the machine outside the lab sees it. */
  readonly outerPid: number
}

export interface NodeNamespaceRequest {
  readonly name: string
  readonly forwards: boolean
  /** Seen at the same path inside; everything else in /run is the node's own. */
  readonly stateDir: string
  /** Where the machine's own /proc is mounted: reading it tells a process its outer pid. */
  readonly outerProc: string
  /** Bound over /etc/hosts, so that public hosts go by name. */
  readonly hostsFile: string
}

/**
 * The state directory is mounted by "." because the tmpfs on /run has just covered its path; -c keeps mount from
 * resolving it. IPv6 duplicate detection would hold addresses back for a second. Bridged frames must not meet the
 * router's NAT rules, and redirects would tell LAN hosts to go round the hairpin. Without name servers a lookup fails at
 * once instead of waiting for one that the lab cannot reach; the file is the node's own, for the product to write to.
 */
const holderScript = `set -e
name=$1 state=$2 outer_proc=$3 hosts=$4 forwards=$5
read -r outer rest <"$outer_proc/self/stat"
mount -n --bind "$hosts" /etc/hosts
if [ -e /etc/resolv.conf ]; then
  : >"$state/resolv.conf"
  mount -n --bind "$state/resolv.conf" /etc/resolv.conf
fi
cd "$state"
mount -n -t tmpfs -o mode=755 lab-run /run
mkdir -p "$state"
mount -n -c --bind . "$state"
cd /
mount -n -t sysfs lab-sys /sys
echo "$name" >/proc/sys/kernel/hostname
cd /proc/sys/net
for scope in all default; do
  echo 0 >ipv6/conf/$scope/accept_dad
  echo 0 >ipv6/conf/$scope/accept_ra
  echo 0 >ipv4/conf/$scope/rp_filter
  echo 0 >ipv4/conf/$scope/send_redirects
done
if [ "$forwards" = true ]; then
  echo 1 >ipv4/ip_forward
  echo 1 >ipv6/conf/all/forwarding
  for tables in ip ip6; do
    if [ -e bridge/bridge-nf-call-\${tables}tables ]; then echo 0 >bridge/bridge-nf-call-\${tables}tables; fi
  done
fi
cd /
ip link set lo up
echo "$$ $outer"
exec sleep infinity`

/** Makes the node's namespaces. They live as long as the holder, which dies with the lab's pid namespace. */
export async function openNode(request: NodeNamespaceRequest): Promise<NodeNamespace> {
  const { name, stateDir, outerProc, hostsFile, forwards } = request
  const holder = spawn(
    'unshare',
    [
      ...(['--net', '--mount', '--uts', 'sh', '-c', holderScript, 'lab-node'] as const),
      name,
      stateDir,
      outerProc,
      hostsFile,
      String(forwards),
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  )
  const complaints = text(holder.stderr)
  const firstLine = await new Promise<string | undefined>((resolve) => {
    createInterface(holder.stdout)
      .once('line', resolve)
      .once('close', () => resolve(undefined))
  })
  if (firstLine === undefined) throw new Error(`cannot make ${name}: ${(await complaints).trim()}`)
  const [pid = 0, outerPid = 0] = firstLine.split(' ').map(Number)
  return { name, pid, outerPid }
}

/** The words before a command that make it run in a node, for callers inside the lab's pid namespace. */
export function enterFromInside(node: NodeNamespace): [string, ...string[]] {
  return ['nsenter', '--target', String(node.pid), '--net', '--mount', '--uts', '--']
}

/** Runs a shell script in a node, and throws what it wrote to stderr if it fails. */
export async function runInNode(node: NodeNamespace, script: string): Promise<void> {
  const [command, ...args] = [...enterFromInside(node), 'sh', '-e'] as const
  const child = spawn(command, args, { stdio: ['pipe', 'ignore', 'pipe'] })
  child.stdin.end(script)
  await expectSuccess(child, `${node.name}: setup failed`)
}

/** Waits for the end of a child whose stderr is piped; throws its words unless the exit code is 0. */
export async function expectSuccess(child: ChildProcess, what: string): Promise<void> {
  const [complaints, [code]] = await Promise.all([
    child.stderr === null ? '' : text(child.stderr),
    once(child, 'close') as Promise<[number | null]>,
  ])
  if (code !== 0) throw new Error(`${what}: ${complaints.trim()}`)
}

// SPDX-License-Identifier: Apache-2.0
/** The commands about members, on the command line: who is in, and what they may do. */
import { Argument, type Command } from 'commander'
import { type Act, collect, command } from './subcommand.ts'

const which = () => new Argument('<node>', 'its name, or the beginning of its id')
const changes = async () => import('./node-change.ts')

export function memberCommands(root: Command, act: Act): void {
  const node = command(root, 'node', 'look after the members: on the host that made the network', [
    'meshgate node list',
  ])
  command(node, 'list', 'show members, hosts that wait, and who was revoked', [
    'meshgate node list --json',
  ]).action(act(async () => (await import('./node-list.ts')).listNodes))
  command(node, 'show', 'show what a member is and may do', ['meshgate node show web-1'])
    .addArgument(which())
    .action(act(async () => (await import('./node-list.ts')).showNode))
  command(node, 'edit', 'change what a member may do; it gets a new certificate', [
    'meshgate node edit web-1 --tag web --tag edge',
    'meshgate node edit office --route 192.168.1.0/24 --no-hub',
  ])
    .addArgument(which())
    .option('--name <name>', 'new name')
    .option('--tag <tag>', 'tags that it has from now on; repeatable', collect)
    .option('--route <cidr>', 'prefixes that it may forward from now on; repeatable', collect)
    .option('--clear-tags', 'take all tags away')
    .option('--clear-routes', 'let it forward nothing')
    .option('--hub', 'let it forward for other members')
    .option('--no-hub', 'do not let it forward for other members')
    .action(act(async () => (await changes()).editNode))
  shuttingOut(node, act)
  policyCommands(root, act)
  authorityCommands(root, act)
  command(root, 'rotate', 'replace the node, WireGuard and probe keys of this host', [
    'meshgate rotate',
  ]).action(act(async () => (await import('./rotate.ts')).rotate))
}

function authorityCommands(root: Command, act: Act): void {
  const authority = command(root, 'authority', "look after the network's own key", [
    'meshgate authority backup meshgate-backup.json',
  ])
  const load = async () => import('./authority.ts')
  command(authority, 'backup', "copy the network's key and ledger to a file", [
    'meshgate authority backup meshgate-backup.json',
  ])
    .addArgument(new Argument('<file>', 'where to write it; only its owner can read it'))
    .action(act(async () => (await load()).backupAuthority))
  command(authority, 'restore', 'make this member an authority, out of a backup', [
    'meshgate authority restore meshgate-backup.json',
  ])
    .addArgument(new Argument('<file>', 'what `meshgate authority backup` wrote'))
    .action(act(async () => (await load()).restoreAuthority))
  command(authority, 'status', 'show where the ledger is, and who decides', [
    'meshgate authority status',
  ]).action(act(async () => (await load()).authorityStatus))
  delegationCommands(authority, act)
}

function delegationCommands(authority: Command, act: Act): void {
  const load = async () => import('./delegation.ts')
  const key = () =>
    new Argument('<key>', "the authority's public key, as `meshgate authority status` shows it")
  const root = ['--root <file>', 'what `meshgate authority detach` wrote'] as const
  const lifetime = ['--lifetime <duration>', 'how long it may speak for the root', '365d'] as const
  command(
    authority,
    'detach',
    "move the root's key into a file; this host goes on as its delegate",
    ['meshgate authority detach /media/usb/root.json'],
  )
    .addArgument(new Argument('<file>', 'where to write the root; only its owner can read it'))
    .option(...lifetime)
    .action(act(async () => (await load()).detachRoot))
  command(authority, 'delegate', 'let a key speak for the root, or for longer: needs no network', [
    'meshgate authority delegate 9f86d0...0a08 --root root.json --scope admit --scope revoke',
    'meshgate authority delegate new --root root.json > delegation.txt',
  ])
    .addArgument(
      new Argument(
        '<key>',
        'as `meshgate authority status` shows it; `new` makes one, and what is printed is a secret',
      ),
    )
    .requiredOption(...root)
    .option(...lifetime)
    .option('--scope <right>', 'admit, revoke or policy; repeatable; left out: all', collect)
    .action(act(async () => (await load()).delegateAuthority))
  command(authority, 'accept', 'go on under the delegation that `delegate` printed', [
    'meshgate authority accept delegation.txt',
  ])
    .addArgument(
      new Argument('<file>', 'what `meshgate authority delegate` printed; - for standard input'),
    )
    .action(act(async () => (await load()).acceptDelegation))
  command(authority, 'withdraw', 'take a delegation back: what the key signed is worth nothing', [
    'meshgate authority withdraw 9f86d0...0a08 --root root.json',
  ])
    .addArgument(key())
    .requiredOption(...root)
    .action(act(async () => (await load()).withdrawDelegation))
}

const POLICY_FILE = 'a policy in TOML: [[allow]] with from, to, protocol, ports'

function policyCommands(root: Command, act: Act): void {
  const policy = command(root, 'policy', 'say who may reach whom in the mesh', [
    'meshgate policy set policy.toml',
  ])
  const load = async () => import('./policy.ts')
  command(policy, 'check', 'say everything that is wrong with a policy', [
    'meshgate policy check policy.toml',
  ])
    .addArgument(new Argument('<file>', POLICY_FILE))
    .action(act(async () => (await load()).checkPolicy))
  command(policy, 'set', 'sign a policy and tell the members: on the host that made the network', [
    'meshgate policy set policy.toml',
    'meshgate policy set --open',
  ])
    .addArgument(new Argument('[file]', POLICY_FILE))
    .option('--open', 'in place of a file: members reach members')
    .action(act(async () => (await load()).setPolicy))
  command(policy, 'show', 'show the policy that holds here', ['meshgate policy show']).action(
    act(async () => (await load()).showPolicy),
  )
  command(policy, 'test', 'say whether one member may reach another', [
    'meshgate policy test --from web-1 --to db --protocol tcp --port 5432',
    'meshgate policy test --file policy.toml --from web-1 --to db',
  ])
    .requiredOption('--from <name>', 'who wants to reach the other')
    .requiredOption('--to <name>', 'who is to be reached')
    .option('--protocol <protocol>', 'any, tcp, udp or icmp', 'any')
    .option('--port <n>', 'of TCP or UDP')
    .option('--file <file>', 'a policy that does not hold yet')
    .action(act(async () => (await load()).testPolicy))
}

function shuttingOut(node: Command, act: Act): void {
  command(node, 'revoke', 'shut a member out: every other one drops it within seconds', [
    'meshgate node revoke web-1',
  ])
    .addArgument(which())
    .action(act(async () => (await changes()).revokeNode))
  command(node, 'remove', 'give back name and address of a member that is gone', [
    'meshgate node remove web-1',
  ])
    .addArgument(which())
    .action(act(async () => (await changes()).removeNode))
  command(node, 'approve', 'let a host in that waits', ['meshgate node approve web-1'])
    .addArgument(which())
    .action(act(async () => (await changes()).decideOn('approved')))
  command(node, 'refuse', 'do not let a host in that waits', ['meshgate node refuse web-1'])
    .addArgument(which())
    .action(act(async () => (await changes()).decideOn('refused')))
}

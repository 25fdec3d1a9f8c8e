// SPDX-License-Identifier: Apache-2.0
/** The commands of `meshgate`. What one needs is loaded when it runs: `status` answers without ever reading libp2p. */
import { Argument, Command, Option } from 'commander'
import { memberCommands } from './member-commands.ts'
import { type Act, collect, command } from './subcommand.ts'
import { VERSION } from '../version.ts'

const BEGINNING = `
Examples:
  $ sudo meshgate init             make a network, on the first host
  $ sudo meshgate token create     there: what lets another host in
  $ sudo meshgate join TOKEN       on the other host
  $ meshgate status                who is there, and how each is reached`

/** Every command with its options, help and examples; man pages and completions are made from it too. */
export function program(act: Act, asJson: boolean): Command {
  const root = new Command('meshgate')
    .description('A private network between your hosts, without a server in the middle.')
    .version(VERSION, '-V, --version', 'print the version')
    .option('--json', 'print JSON')
    .addOption(directory('state', '/var/lib/meshgate', 'keys and membership'))
    .addOption(directory('run', '/run/meshgate', 'sockets'))
    .addOption(
      new Option('--config <file>', 'configuration file')
        .default('/etc/meshgate/config.toml')
        .env('MESHGATE_CONFIG'),
    )
    .helpCommand('help [command]', 'show the help of a command')
    .addHelpText('after', BEGINNING)
    .configureHelp({ showGlobalOptions: true })
    .showHelpAfterError('(see --help)')
    .exitOverride()
    .configureOutput({ writeErr: (text) => void (asJson ? undefined : process.stderr.write(text)) })
  membershipCommands(root, act)
  tokenCommands(root, act)
  memberCommands(root, act)
  runCommands(root, act)
  return root
}

function membershipCommands(root: Command, act: Act): void {
  command(root, 'init', 'make a new network with this host as its first member', [
    'meshgate init',
    'meshgate init --network home --advertise 203.0.113.7',
  ])
    .option('--name <name>', 'name of this host (default: its host name)')
    .option('--network <name>', 'name of the network', 'mesh')
    .option(
      '--advertise <address>',
      'address at which others reach this host; repeatable',
      collect,
      [],
    )
    .option('--ipv4-prefix <cidr>', 'address plan (default: a random 10.x.0.0/16)')
    .option('--no-start', 'leave the services alone')
    .option('--approve', 'hosts wait until a person lets them in with `meshgate node approve`')
    .option('--certificate-lifetime <duration>', 'members renew at half of it', '30d')
    .action(act(async () => (await import('./init.ts')).init))
  command(root, 'join', 'make this host a member', [
    'meshgate join mg1_...',
    'meshgate join - --name web-1 < token.txt',
  ])
    .addArgument(new Argument('<token>', 'what `meshgate token create` printed; - reads it'))
    .option('--name <name>', 'name of this host (default: its host name)')
    .option('--no-start', 'leave the services alone; else wait until a peer is reached')
    .option('--wait <duration>', 'how long to wait where a person lets hosts in', '1h')
    .action(act(async () => (await import('./join.ts')).join))
  command(root, 'leave', 'end the membership of this host and forget its keys', ['meshgate leave'])
    .option('--destroy-authority', "also forget the network's own key: nobody can join any more")
    .action(act(async () => (await import('./leave.ts')).leave))
}

function tokenCommands(root: Command, act: Act): void {
  const token = command(root, 'token', 'let hosts join: on the host that made the network', [
    'meshgate token create --uses 3 --expires 7d',
  ])
  command(token, 'create', 'print a token with which a host can join', [
    'T=$(meshgate token create)',
    'meshgate token create --uses 10 --expires 7d --tag web --name-pattern "web-*"',
  ])
    .option('--uses <n>', 'how many hosts may join with it', '1')
    .option('--expires <duration>', 'how long it is valid: 30m, 1h, 7d', '1h')
    .option('--name-pattern <pattern>', 'names that hosts may take; * stands for anything')
    .option('--tag <tag>', 'tag that the hosts get; repeatable', collect, [])
    .option('--route <cidr>', 'prefix that the hosts may forward; repeatable', collect, [])
    .option('--ephemeral [duration]', 'forget the hosts when they were gone for so long: 1m to 15d')
    .option('--no-hub', 'the hosts may not forward for others')
    .option(
      '--bootstrap <address>',
      'where this host is reached: IP, IP:port or multiaddr; repeatable',
      collect,
      [],
    )
    .action(act(async () => (await import('./token-create.ts')).createToken))
  command(token, 'list', 'show the tokens of the network', ['meshgate token list --json']).action(
    act(async () => (await import('./token-list.ts')).listTokens),
  )
  command(token, 'revoke', 'let nobody else join with a token', ['meshgate token revoke 0f3a'])
    .addArgument(new Argument('<id>', 'its id, or the beginning of it'))
    .action(act(async () => (await import('./token-list.ts')).revokeToken))
}

function runCommands(root: Command, act: Act): void {
  command(root, 'run', 'run the agent; as root it brings its own helper', ['sudo meshgate run'])
    .option('--no-helper', 'start no helper: one is running already')
    .addOption(
      new Option('--log-level <level>', 'how much to say (default: as configured)').choices([
        'debug',
        'info',
        'warn',
        'error',
      ]),
    )
    .action(act(async () => (await import('./run.ts')).run))
  command(root, 'status', 'show this host, its peers and the paths to them', [
    'meshgate status',
    'meshgate status --watch',
  ])
    .option('-w, --watch', 'live, until interrupted')
    .action(act(async () => (await import('./status.ts')).status))
  command(root, 'peers', 'list the members of the network', [
    'meshgate peers',
    "meshgate peers --json | jq -r '.[].name'",
  ]).action(act(async () => (await import('./peers.ts')).peers))
  command(root, 'paths', 'list every way to each peer, the one in use first', [
    'meshgate paths',
    'meshgate paths web-1',
  ])
    .addArgument(new Argument('[peer]', 'name, mesh address or node id; all if left out'))
    .action(act(async () => (await import('./peers.ts')).paths))
  command(root, 'ping', 'measure round trips inside the tunnel, and over which path they go', [
    'meshgate ping web-1',
    'meshgate ping 10.7.0.2 -c 0 -i 200',
  ])
    .addArgument(new Argument('<peer>', 'name, mesh address or node id'))
    .option('-c, --count <n>', 'how often; 0: until interrupted', '4')
    .option('-i, --interval <ms>', 'pause between two', '1000')
    .action(act(async () => (await import('./ping.ts')).ping))
  command(root, 'why', 'explain the path to a peer: what was tried, and what would help', [
    'meshgate why web-1',
    'meshgate why 10.7.0.2 --json',
  ])
    .addArgument(new Argument('<peer>', 'name, mesh address or node id'))
    .action(act(async () => (await import('./why.ts')).why))
  command(root, 'events', 'show what happened: switches of paths, and what became of the helper', [
    'meshgate events --follow',
    'meshgate events --json | jq \'.[] | select(.kind == "path-switched") | .gapMs\'',
  ])
    .option('-f, --follow', 'go on with what happens, until interrupted')
    .action(act(async () => (await import('./events.ts')).events))
  command(root, 'dashboard', 'print a link to the page on this host; it works once', [
    'xdg-open "$(meshgate dashboard)"',
    'ssh -L 8426:127.0.0.1:8426 web-1     (with dashboard_port = 8426)',
  ]).action(act(async () => (await import('./dashboard.ts')).dashboard))
  command(root, 'netcheck', 'show what lies between this host and the internet', [
    'meshgate netcheck --refresh',
  ])
    .option('--refresh', 'ask the STUN servers anew')
    .action(act(async () => (await import('./netcheck.ts')).netcheck))
  command(root, 'plan', 'show what the agent wants of its helper, with reasons', [
    'meshgate plan',
  ]).action(act(async () => (await import('./plan.ts')).plan))
  command(root, 'doctor', 'check everything, and say how to mend what is wrong', [
    'meshgate doctor',
    'meshgate doctor --json | jq \'.[] | select(.verdict != "good")\'',
  ]).action(act(async () => (await import('./doctor.ts')).doctor))
  command(root, 'bugreport', 'write what a developer needs to know to a file, without secrets', [
    'meshgate bugreport',
    'meshgate bugreport --output report.json',
  ])
    .option('-o, --output <file>', 'where to (default: a name with host and time)')
    .action(act(async () => (await import('./bug-report.ts')).bugReport))
  command(root, 'stop', 'stop agent and helper: the tunnels end, the membership stays', [
    'sudo meshgate stop',
  ]).action(act(async () => (await import('./stop.ts')).stop))
  const agent = command(
    root,
    'agent',
    'the agent alone, without the helper that keeps the tunnels',
    ['sudo meshgate agent stop'],
  )
  command(
    agent,
    'stop',
    'stop the agent only: the tunnels stay, and so does failover among their paths',
    ['sudo meshgate agent stop'],
  ).action(act(async () => (await import('./stop.ts')).stopAgent))
  command(root, 'reload', 'take up a changed configuration file', ['meshgate reload']).action(
    act(async () => (await import('./reload.ts')).reload),
  )
  command(root, 'drain', 'tell others to leave this hub or gateway before it goes', [
    'meshgate drain --wait && systemctl stop meshgate meshgate-helper',
  ])
    .option('--wait', 'until nobody uses it any more')
    .action(act(async () => (await import('./drain.ts')).drain))
  command(root, 'undrain', 'let others use this hub or gateway again', ['meshgate undrain']).action(
    act(async () => (await import('./drain.ts')).undrain),
  )
  command(root, 'rollout', 'restart the members one after another, each healthy before the next', [
    "meshgate rollout --over 'ssh root@{name}'",
    "meshgate rollout --over 'ssh root@{name}' --only hub-1 --restart 'systemctl restart meshgate'",
  ])
    .requiredOption('--over <words>', 'what runs a command on a member; {name} stands for its name')
    .option('--only <name>', 'whose turn it is (default: everybody else); repeatable', collect, [])
    .option(
      '--restart <command>',
      'what is run there',
      'systemctl restart meshgate-helper.service meshgate.service',
    )
    .option('--meshgate <command>', 'what meshgate is called there', 'meshgate')
    .option('--wait <duration>', 'how long one may take to be healthy again', '2m')
    .action(act(async () => (await import('./rollout.ts')).rollout))
  const config = command(root, 'config', 'the configuration file', ['meshgate config check'])
  command(config, 'check', 'say everything that is wrong with the configuration file', [
    'meshgate config check',
    'meshgate config check --config ./config.toml',
  ]).action(act(async () => (await import('./config-check.ts')).checkConfig))
  command(root, 'version', 'print the version', ['meshgate version --json']).action(
    act(async () => (await import('./print-version.ts')).printVersion),
  )
}

function directory(kind: 'state' | 'run', path: string, what: string): Option {
  return new Option(`--${kind}-dir <directory>`, `directory for ${what}`)
    .default(path)
    .env(`MESHGATE_${kind.toUpperCase()}_DIR`)
}

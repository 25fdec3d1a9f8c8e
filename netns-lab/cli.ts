// SPDX-License-Identifier: Apache-2.0
import { Command, CommanderError } from 'commander'
import { captureCommand } from './cli/capture.ts'
import { downCommand } from './cli/down.ts'
import { execCommand } from './cli/exec.ts'
import { setCommand } from './cli/set.ts'
import { statusCommand } from './cli/status.ts'
import { upCommand } from './cli/up.ts'

const examples = `
Examples:
  lab up netns-lab/examples/demo.toml       bring up the demo; it stays until "lab down"
  lab exec alice -- ping -c 3 hub           run a command in a host (or a NAT, or "internet")
  lab exec alice                            a shell in a host
  lab set alice delay=40 loss=5             impair a link, named by itself or by the node it belongs to
  lab set alice-lan out.down=1              cut it one way; "out" is away from the node
  lab set alice behind=home-b               roam: another network, another address
  lab set home-a kind=symmetric             swap the router
  lab set home-a reboot                     forget all mappings
  lab set home-a address=203.0.113.77       give it another public address
  lab capture hub --filter 'udp port 3478'  print packets as they pass; Ctrl-C ends
  lab status --json
  lab down

Link settings:  delay jitter (ms)  loss dup burstEnter burstLeave (percent)  rate (kbit/s)  limit (packets)  reorder
                down (silent)  unplugged (no carrier)
NAT settings:   kind  address  hairpin=off|external|lan  mappingLifetime (s)  reboot
Host settings:  firewall  behind=NAT|internet

Exit codes: 0 done, 1 it failed, 2 wrong usage or description; exec gives the command's own.`

const program = new Command('lab')
  .description('Hosts, NATs and links as Linux network namespaces, from a description file.')
  .addHelpText('after', examples)
  .showHelpAfterError('(try "lab --help")')
  .enablePositionalOptions()
  .exitOverride()
const commands = [
  upCommand(),
  execCommand(),
  setCommand(),
  statusCommand(),
  captureCommand(),
  downCommand(),
]
for (const command of commands) program.addCommand(command.copyInheritedSettings(program))

/** By the error's name; 130 is what a shell gives for Ctrl-C. */
const exitCodes: Readonly<Record<string, number>> = {
  DescriptionError: 2,
  UsageError: 2,
  InterruptedError: 130,
}

// A reader such as `head` may have seen enough.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
})

try {
  await program.parseAsync()
} catch (error) {
  if (error instanceof CommanderError) process.exit(error.exitCode === 0 ? 0 : 2)
  process.stderr.write(`lab: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = exitCodes[error instanceof Error ? error.name : ''] ?? 1
}

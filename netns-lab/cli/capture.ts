// SPDX-License-Identifier: Apache-2.0
import { Command } from 'commander'
import { becomeRoot } from '../become-root.ts'
import { execInLab } from './exec.ts'
import { nameOption } from './name-option.ts'

interface CaptureOptions {
  readonly name?: string
  readonly device: string
  readonly filter: string
  readonly write?: string
}

export function captureCommand(): Command {
  return new Command('capture')
    .argument('<host>', 'host, NAT, or "internet"')
    .description('print packets as they pass (tcpdump) until Ctrl-C')
    .option('--device <name>', 'interface', 'any')
    .option('--filter <expression>', "in tcpdump's language", '')
    .option('--write <file>', 'write a pcap file instead; "-" is standard output')
    .addOption(nameOption())
    .action(capture)
}

async function capture(
  host: string,
  { name, device, filter, write }: CaptureOptions,
): Promise<void> {
  becomeRoot()
  const output = write === undefined ? ['-nn', '-l'] : ['-U', '-w', write]
  // -Z root: tcpdump would give up root, and with it the right to write the file.
  const command = ['tcpdump', '-i', device, '-Z', 'root', '--immediate-mode', ...output, filter]
  process.exitCode = await execInLab(name, host, command)
}

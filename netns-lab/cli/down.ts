// SPDX-License-Identifier: Apache-2.0
import { Command } from 'commander'
import { becomeRoot } from '../become-root.ts'
import { endLab } from '../lab-registry.ts'
import { nameOption } from './name-option.ts'

export function downCommand(): Command {
  return new Command('down')
    .description('end a lab, with every process and namespace in it')
    .addOption(nameOption())
    .action(async ({ name }: { name?: string }) => {
      becomeRoot()
      process.stdout.write(`lab ${await endLab(name)} is down\n`)
    })
}

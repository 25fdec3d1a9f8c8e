// SPDX-License-Identifier: Apache-2.0
import { Command } from 'commander'
import { becomeRoot } from '../become-root.ts'
import { askLab } from '../control-protocol.ts'
import { changeRequest } from '../lab-change.ts'
import { findLab } from '../lab-registry.ts'
import { parseSettings } from '../setting-words.ts'
import { nameOption } from './name-option.ts'

export function setCommand(): Command {
  return new Command('set')
    .argument('<target>', 'link, host or NAT')
    .argument('<settings...>', 'key=value, or a bare key for key=1')
    .description('change a link, host or NAT while the lab runs')
    .addOption(nameOption())
    .action(set)
}

async function set(target: string, words: string[], { name }: { name?: string }): Promise<void> {
  const settings = parseSettings(words)
  becomeRoot()
  const lab = await findLab(name)
  await askLab(lab.stateDir, changeRequest(lab.plan, target, settings))
}

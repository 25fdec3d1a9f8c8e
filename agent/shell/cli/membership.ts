// SPDX-License-Identifier: Apache-2.0
import { existsSync } from 'node:fs'
import { hostname } from 'node:os'
import { isHostName } from '../../../topology/host-name.ts'
import { Failure } from '../failure.ts'
import type { Membership, StateDir } from '../state/state-dir.ts'
import { readConfig } from './configuration.ts'
import type { CommandContext } from './context.ts'
import { usage } from './option-values.ts'

export const BECOME_A_MEMBER =
  'make one with `meshgate init`, or join one with `meshgate join TOKEN`'

/** Throws Failure if this host is no member. */
export function requireMembership(state: StateDir): Membership {
  const membership = state.loadMembership()
  if (membership !== undefined) return membership
  throw new Failure('not-a-member', `this host is not a member of a network (${state.path})`, {
    remedy: BECOME_A_MEMBER,
  })
}

/** The name that was given or configured, or one made of the system's host name. */
export function nameOfThisHost(context: CommandContext, option: string | undefined): string {
  const given = option ?? configuredName(context)
  if (given !== undefined && !isHostName(given))
    throw usage(`--name ${given} is not a host name`, 'use 1 to 63 of a-z, 0-9 and inner hyphens')
  if (given !== undefined) return given
  const [label = ''] = hostname().toLowerCase().split('.')
  const name = label
    .replaceAll(/[^a-z0-9-]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
    .slice(0, 63)
  if (isHostName(name)) return name
  throw usage(`the host name ${hostname()} cannot be used in the mesh`, 'choose one with --name')
}

function configuredName(context: CommandContext): string | undefined {
  // `init --advertise` is about to write the file that --config names.
  return existsSync(context.configPath) ? readConfig(context).name : undefined
}

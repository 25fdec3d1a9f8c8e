// SPDX-License-Identifier: Apache-2.0
import type { z } from 'zod'
import type { ControlRequest } from './control-protocol.ts'
import {
  hostChangeSchema,
  type LinkChange,
  linkChangeSchema,
  type NatChange,
  type HostChange,
  type InternetChange,
  internetChangeSchema,
  natChangeSchema,
} from './description.ts'
import type { LabPlan } from './lab-plan.ts'
import { internetName } from './uplink-wish.ts'
import { type ServiceChange, serviceChangeSchema } from './service-description.ts'

export type Settings = LinkChange | NatChange | HostChange | InternetChange | ServiceChange

/**
 * Turns `set TARGET settings` into a request. A link goes by its own name or, where it is its node's only one, by the
 * node's. Throws, naming every fault, if the target is unknown or a setting does not fit it.
 */
export function changeRequest(plan: LabPlan, target: string, settings: Settings): ControlRequest {
  if (target === internetName) {
    return { op: 'set-internet', change: checked(internetChangeSchema, target, settings) }
  }
  const isService = plan.services.some(({ name }) => name === target)
  // A service may be named like its host.
  if (isService && (isOnlyService(plan, target) || Object.hasOwn(settings, 'running'))) {
    const change = checked(serviceChangeSchema, target, settings)
    return { op: 'set-service', service: target, change }
  }
  const nodeLinks = plan.links.filter(({ node }) => node === target)
  const link = plan.links.find(({ name }) => name === target)
  if (link !== undefined) {
    return { op: 'set-link', link: link.name, change: checked(linkChangeSchema, target, settings) }
  }
  const isNat = plan.nats.some(({ name }) => name === target)
  const isHost = plan.hosts.some(({ name }) => name === target)
  if (!isNat && !isHost) throw new Error(unknownTarget(plan, target))
  const own = Object.keys((isNat ? natChangeSchema : hostChangeSchema).shape)
  if (Object.keys(settings).some((key) => own.includes(key))) {
    return isNat
      ? { op: 'set-nat', nat: target, change: checked(natChangeSchema, target, settings) }
      : { op: 'set-host', host: target, change: checked(hostChangeSchema, target, settings) }
  }
  const [only, ...others] = nodeLinks
  if (only === undefined || others.length > 0) {
    throw new Error(
      `${target} has several links: name one of ${nodeLinks.map(({ name }) => name).join(', ')}`,
    )
  }
  return { op: 'set-link', link: only.name, change: checked(linkChangeSchema, target, settings) }
}

function isOnlyService({ hosts, nats, links }: LabPlan, target: string): boolean {
  return [...hosts, ...nats, ...links].every(({ name }) => name !== target)
}

function checked<T>(schema: z.ZodType<T>, target: string, settings: Settings): T {
  const parsed = schema.safeParse(settings)
  if (parsed.success) return parsed.data
  const faults = parsed.error.issues.map((issue) =>
    issue.code === 'unrecognized_keys'
      ? `${issue.keys.join(', ')}: no such setting here`
      : `${issue.path.join('.')}: ${issue.message}`,
  )
  throw new Error(`cannot set ${target}: ${faults.join('; ')}`)
}

function unknownTarget(plan: LabPlan, target: string): string {
  const names = (list: readonly { name: string }[]) =>
    list.map(({ name }) => name).join(', ') || 'none'
  return (
    `nothing is named ${target}\n  links: ${names(plan.links)}\n` +
    `  NATs: ${names(plan.nats)}\n  hosts: ${names(plan.hosts)}\n  services: ${names(plan.services)}`
  )
}

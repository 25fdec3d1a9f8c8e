// SPDX-License-Identifier: Apache-2.0
import type { Description } from './description.ts'
import { addressFaults, ipv6Faults } from './address-faults.ts'
import { type Fault, fault } from './description-fault.ts'
import { hostUplinks, internetName } from './uplink-wish.ts'
import { translates } from './nat-kinds.ts'
import { portMappingFault } from './nat-rules.ts'

/** What is wrong between the parts of a description whose fields are right one by one. */
export function relationFaults(description: Description): Fault[] {
  return [
    ...nameFaults(description),
    ...upstreamFaults(description),
    ...loopFaults(description),
    ...natFaults(description),
    ...addressFaults(description),
    ...linkFaults(description),
    ...cutFaults(description),
    ...serviceFaults(description),
    ...ipv6Faults(description),
  ]
}

function nameFaults({ hosts, nats }: Description): Fault[] {
  const both = Object.keys(hosts).filter((name) => Object.hasOwn(nats, name))
  const reserved = [...Object.keys(hosts), ...Object.keys(nats)].filter(
    (name) => name === internetName,
  )
  return [
    ...both.map((name) => fault(`nats.${name}`, name, 'a host has this name; choose another')),
    ...reserved.map((name) => fault(name, name, 'the core has this name; choose another')),
    ...(Object.keys(hosts).length === 0
      ? [fault('hosts', undefined, 'describe at least one host')]
      : []),
  ]
}

function upstreamFaults({ hosts, nats }: Description): Fault[] {
  const known = Object.keys(nats).join(', ') || 'none is described'
  const wanted = [
    ...Object.entries(hosts).flatMap(([name, host]) =>
      hostUplinks(host).map(({ behind }) => [`hosts.${name}.behind`, behind] as const),
    ),
    ...Object.entries(nats).map(([name, { behind }]) => [`nats.${name}.behind`, behind] as const),
  ]
  const doubled = Object.entries(hosts).filter(
    ([, host]) => host.uplinks && (host.behind ?? host.address ?? host.link) !== undefined,
  )
  return [
    ...wanted
      .filter(
        ([, behind]) =>
          behind !== undefined && behind !== internetName && !Object.hasOwn(nats, behind),
      )
      .map(([field, behind]) => fault(field, behind, `name a NAT (${known}) or leave it out`)),
    ...doubled.map(([name]) =>
      fault(`hosts.${name}.uplinks`, '...', 'put behind, address and link inside the uplinks'),
    ),
  ]
}

function loopFaults({ nats }: Description): Fault[] {
  return Object.keys(nats)
    .filter((name) => {
      const seen = new Set<string>()
      let at: string | undefined = name
      while (at !== undefined && !seen.has(at)) {
        seen.add(at)
        at = nats[at]?.behind
      }
      return at === name
    })
    .map((name) =>
      fault(
        `nats.${name}.behind`,
        nats[name]?.behind,
        'the NATs stand behind each other; break the ring',
      ),
    )
}

function natFaults({ hosts, nats }: Description): Fault[] {
  return Object.entries(nats).flatMap(([name, nat]) => {
    const inner = nat.behind !== undefined && nat.behind !== internetName
    const behind = Object.entries(hosts).filter(([, host]) =>
      hostUplinks(host).some((uplink) => uplink.behind === name),
    )
    const field = `nats.${name}`
    const mappingFault = portMappingFault(nat)
    return [
      ...(inner && !translates(nat.kind)
        ? [
            fault(
              `${field}.kind`,
              nat.kind,
              'a router that does not translate must be on the internet',
            ),
          ]
        : []),
      ...(inner && nat.kind === 'address-pool'
        ? [fault(`${field}.kind`, nat.kind, 'an address pool must be on the internet')]
        : []),
      ...(inner && (nat.ipv6 ?? 'off') !== 'off'
        ? [fault(`${field}.ipv6`, nat.ipv6, 'only a router on the internet can have IPv6')]
        : []),
      ...(mappingFault === undefined
        ? []
        : [fault(`${field}.portMapping`, nat.portMapping, mappingFault)]),
      ...(nat.dmzHost !== undefined && !behind.some(([host]) => host === nat.dmzHost)
        ? [fault(`${field}.dmzHost`, nat.dmzHost, 'name a host behind this NAT')]
        : []),
    ]
  })
}

function linkFaults({ hosts, nats }: Description): Fault[] {
  const seen = new Set<string>()
  const links = [
    ...Object.entries(hosts).flatMap(([name, host]) =>
      hostUplinks(host).map(({ behind = internetName, link }) => ({
        field: `hosts.${name}.link`,
        name: link?.name ?? `${name}-${behind}`,
        link,
      })),
    ),
    ...Object.entries(nats)
      // A NAT named like a host is a fault already.
      .filter(([name]) => !Object.hasOwn(hosts, name))
      .map(([name, { behind = internetName, link }]) => ({
        field: `nats.${name}.link`,
        name: link?.name ?? `${name}-${behind}`,
        link,
      })),
  ]
  return links.flatMap(({ field, name, link = {} }) => {
    const { name: _, mtu: __, emulate, ...impairments } = link
    const isRepeated = seen.has(name) || Object.hasOwn(hosts, name) || Object.hasOwn(nats, name)
    seen.add(name)
    return [
      ...(isRepeated
        ? [
            fault(
              `${field}.name`,
              name,
              'another link, a host or a NAT has this name; choose another',
            ),
          ]
        : []),
      ...(emulate === false && Object.keys(impairments).length > 0
        ? [
            fault(
              `${field}.emulate`,
              false,
              'a bare veth pair has no impairments; remove this or them',
            ),
          ]
        : []),
    ]
  })
}

function cutFaults({ internet, hosts, nats }: Description): Fault[] {
  const isOnInternet = (behind: string | undefined) => (behind ?? internetName) === internetName
  const known = [
    ...Object.entries(hosts).filter(([, host]) =>
      hostUplinks(host).some(({ behind }) => isOnInternet(behind)),
    ),
    ...Object.entries(nats).filter(([, { behind }]) => isOnInternet(behind)),
  ].map(([name]) => name)
  return (internet.cuts ?? []).flatMap((cut, index) =>
    cut
      .filter((name) => !known.includes(name))
      .map((name) =>
        fault(
          `internet.cuts.${index}`,
          name,
          `name a host or NAT on the internet (${known.join(', ')})`,
        ),
      ),
  )
}

function serviceFaults({ services, hosts }: Description): Fault[] {
  return Object.entries(services)
    .filter(([, { on }]) => !Object.hasOwn(hosts, on))
    .map(([name, { on }]) =>
      fault(`services.${name}.on`, on, `name a host (${Object.keys(hosts).join(', ')})`),
    )
}

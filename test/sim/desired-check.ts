// SPDX-License-Identifier: Apache-2.0
/**
 * The rules of native/PROTOCOL.md, section Desired state: every bad field is named at once.
 */
import { isIP } from 'node:net'
import { addressParts, canonicalIp, parseTransportAddress } from '../../nat/address.ts'
import type { HelperPathKind } from '../../agent/core/helper-contract.ts'
import type { FieldProblem } from '../../agent/core/helper-fault.ts'

type Fields = Record<string, unknown>

/** All that is wrong with a document; empty if it may be applied. */
export function problemsOf(document: unknown): FieldProblem[] {
  const check = new Check()
  const fields = ['device', 'turn', 'firewall', 'routes', 'peers', 'lateFrom', 'names']
  const desired = check.object('', document, fields)
  if (desired === undefined) return check.problems
  if (desired['device'] !== null) checkDevice(check, desired['device'])
  for (const [i, route] of check.list('routes', desired['routes'], 4_096).entries())
    checkRoute(check, `routes[${i}]`, route)
  const servers = new Set<unknown>()
  for (const [i, server] of check.list('turn', desired['turn'] ?? [], 8).entries())
    checkTurnServer(check, `turn[${i}]`, server, servers)
  if (desired['device'] === null && servers.size > 0) check.bad('turn', null, 'no device')
  checkFirewall(check, desired['firewall'], desired['device'] !== null)
  for (const [i, prefix] of check.list('lateFrom', desired['lateFrom'] ?? [], 256).entries())
    check.prefix(`lateFrom[${i}]`, prefix)
  if (desired['device'] === null && desired['lateFrom'] !== undefined)
    check.bad('lateFrom', null, 'no device')
  const owners = new Map<string, string>()
  const peers = check.list('peers', desired['peers'], 4_096)
  const keys = new Set(peers.map((peer) => (peer as Fields | null)?.['publicKey']))
  for (const [i, peer] of peers.entries())
    checkPeer(check, `peers[${i}]`, peer, { owners, keys, servers })
  if (desired['names'] !== undefined && desired['names'] !== null)
    checkNames(check, desired['names'], desired['device'])
  return check.problems
}

function checkDevice(check: Check, value: unknown): void {
  const device = check.object('device', value, [
    'name',
    'mtu',
    'listenPort',
    'privateKey',
    'probeKey',
    'addresses',
    'stunServer',
    'relay',
  ])
  if (device === undefined) return
  const { name } = device
  if (typeof name !== 'string' || !/^[a-zA-Z0-9_.-]{1,15}$/.test(name))
    check.bad('device.name', name, 'not an interface name')
  check.number('device.mtu', device['mtu'], 576, 65_535)
  check.number('device.listenPort', device['listenPort'], 0, 65_535)
  check.key('device.privateKey', device['privateKey'], true)
  check.key('device.probeKey', device['probeKey'], true)
  for (const [i, address] of check.list('device.addresses', device['addresses'], 16).entries())
    check.prefix(`device.addresses[${i}]`, address)
  for (const field of ['stunServer', 'relay'])
    if (typeof device[field] !== 'boolean')
      check.bad(`device.${field}`, device[field], 'not true or false')
}

function checkFirewall(check: Check, value: unknown, hasDevice: boolean): void {
  if (value === undefined || value === null) return
  const firewall = check.object('firewall', value, ['allow'])
  if (firewall === undefined) return
  if (!hasDevice) check.bad('firewall', null, 'no device')
  for (const [i, item] of check.list('firewall.allow', firewall['allow'], 256).entries()) {
    const field = `firewall.allow[${i}]`
    const admission = check.object(field, item, ['from', 'protocol', 'ports'])
    if (admission === undefined) continue
    for (const [j, from] of check.list(`${field}.from`, admission['from'], 8_192).entries())
      if (typeof from !== 'string' || !canonicalIp(from).ok)
        check.bad(`${field}.from[${j}]`, from, 'not an address')
    const { protocol } = admission
    if (!['any', 'tcp', 'udp', 'icmp'].includes(String(protocol)))
      check.bad(`${field}.protocol`, protocol, 'not a protocol')
    const ports = check.list(`${field}.ports`, admission['ports'], 16)
    if (ports.length > 0 && protocol !== 'tcp' && protocol !== 'udp')
      check.bad(`${field}.ports`, null, 'given for a protocol that has none')
    for (const [j, range] of ports.entries()) checkPortRange(check, `${field}.ports[${j}]`, range)
  }
}

function checkPortRange(check: Check, field: string, range: unknown): void {
  if (!Array.isArray(range) || range.length !== 2) return check.bad(field, range, 'not two ports')
  for (const [i, port] of range.entries()) check.number(`${field}[${i}]`, port, 1, 65_535)
  if (Number(range[1]) < Number(range[0])) check.bad(field, null, 'ends before it begins')
}

const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/

function checkNames(check: Check, value: unknown, device: unknown): void {
  const names = check.object('names', value, ['zone', 'hosts'])
  if (device === null) check.bad('names', null, 'no device')
  if (names === undefined) return
  const { zone } = names
  const labels = typeof zone === 'string' && zone.length <= 128 ? zone.split('.') : []
  if (labels.length < 2 || !labels.every((label) => LABEL.test(label)))
    check.bad('names.zone', zone, 'not a zone')
  const seen = new Set<unknown>()
  for (const [i, value] of check.list('names.hosts', names['hosts'], 4_097).entries()) {
    const field = `names.hosts[${i}]`
    const host = check.object(field, value, ['name', 'addresses'])
    if (host === undefined) continue
    const { name } = host
    if (typeof name !== 'string' || !LABEL.test(name)) check.bad(`${field}.name`, name, 'no label')
    else if (seen.has(name)) check.bad(`${field}.name`, name, 'given twice')
    seen.add(name)
    for (const [j, address] of check.list(`${field}.addresses`, host['addresses'], 8).entries())
      if (typeof address !== 'string' || isIP(address) === 0)
        check.bad(`${field}.addresses[${j}]`, address, 'no IP address')
  }
}

function checkRoute(check: Check, field: string, value: unknown): void {
  const route = check.object(field, value, ['destination', 'mtu'])
  if (route === undefined) return
  check.prefix(`${field}.destination`, route['destination'])
  if (route['mtu'] !== undefined) check.number(`${field}.mtu`, route['mtu'], 576, 65_535)
}

interface Whole {
  /** Which field gave what may be given once. */
  readonly owners: Map<string, string>
  /** Public keys of all peers. */
  readonly keys: ReadonlySet<unknown>
  /** Ids of TURN servers. */
  readonly servers: ReadonlySet<unknown>
}

function checkTurnServer(check: Check, field: string, value: unknown, ids: Set<unknown>): void {
  const server = check.object(field, value, ['id', 'url', 'username', 'password', 'secret', 'ca'])
  if (server === undefined) return
  const { id, url, username, password, secret, ca } = server
  if (typeof id !== 'string' || id === '' || Buffer.byteLength(id) > 96)
    check.bad(`${field}.id`, id, 'not an id of 1 to 96 bytes')
  else if (ids.has(id)) check.bad(`${field}.id`, id, 'given twice')
  ids.add(id)
  const isTls = typeof url === 'string' && url.startsWith('turns:')
  if (typeof url !== 'string' || !TURN_URL.test(url)) check.bad(`${field}.url`, url, 'no TURN URL')
  if (password !== undefined && secret !== undefined)
    check.bad(`${field}.secret`, null, 'given besides a password')
  if (password !== undefined && username === undefined)
    check.bad(`${field}.username`, null, 'missing')
  if (username !== undefined && password === undefined && secret === undefined)
    check.bad(`${field}.password`, null, 'missing')
  if (ca !== undefined && (typeof ca !== 'string' || !ca.startsWith('/')))
    check.bad(`${field}.ca`, ca, 'not the absolute path of a file')
  else if (ca !== undefined && !isTls) check.bad(`${field}.ca`, ca, 'of no use without TLS')
}

const TURN_URL = /^(?:turn:[^?]+(?:\?transport=(?:udp|tcp))?|turns:[^?]+(?:\?transport=tcp)?)$/

function checkPeer(check: Check, field: string, value: unknown, whole: Whole): void {
  const peer = check.object(field, value, [
    'publicKey',
    'presharedKey',
    'probeKey',
    'allowedIps',
    'lateIps',
    'echoAddress',
    'keepaliveMs',
    'duplicate',
    'paths',
  ])
  if (peer === undefined) return
  const { owners, keys, servers } = whole
  const claim = (sub: string, what: unknown, kind: string) => {
    const owner = owners.get(`${kind} ${String(what)}`)
    if (owner !== undefined) check.bad(`${field}.${sub}`, what, `already given by ${owner}`)
    else owners.set(`${kind} ${String(what)}`, `${field}.${sub}`)
  }
  if (check.key(`${field}.publicKey`, peer['publicKey'])) claim('publicKey', peer['publicKey'], 'k')
  if (check.key(`${field}.probeKey`, peer['probeKey'])) claim('probeKey', peer['probeKey'], 'p')
  if (peer['presharedKey'] !== undefined)
    check.key(`${field}.presharedKey`, peer['presharedKey'], true)
  const allowed = check.list(`${field}.allowedIps`, peer['allowedIps'], 256)
  for (const [i, prefix] of allowed.entries())
    if (check.prefix(`${field}.allowedIps[${i}]`, prefix)) claim(`allowedIps[${i}]`, prefix, 'ip')
  for (const [i, prefix] of check.list(`${field}.lateIps`, peer['lateIps'] ?? [], 256).entries())
    check.prefix(`${field}.lateIps[${i}]`, prefix)
  if (!canonicalIp(String(peer['echoAddress'])).ok)
    check.bad(`${field}.echoAddress`, peer['echoAddress'], 'not an address')
  check.number(`${field}.keepaliveMs`, peer['keepaliveMs'], 1_000, 600_000)
  const ids = new Set<unknown>()
  for (const [i, path] of check.list(`${field}.paths`, peer['paths'], 8).entries())
    checkPath(check, `${field}.paths[${i}]`, path, { ids, keys, servers, peer: peer['publicKey'] })
}

interface Surroundings {
  readonly ids: Set<unknown>
  readonly keys: ReadonlySet<unknown>
  readonly servers: ReadonlySet<unknown>
  readonly peer: unknown
}

/** By kind, what a path has beside id and kind. */
/** Unspecified, broadcast or multicast. */
function isNobodys(ip: string): boolean {
  const isMulticast = /^(?:ff..:|(?:22[4-9]|23\d)\.)/.test(ip)
  return isMulticast || ['0.0.0.0', '255.255.255.255', '::'].includes(ip)
}

const PATH_FIELDS: Readonly<Record<HelperPathKind, readonly string[]>> = {
  direct: ['endpoint', 'socket'],
  relay: ['via'],
  turn: ['server', 'endpoint'],
  channel: [],
}

function checkPath(check: Check, field: string, value: unknown, around: Surroundings): void {
  const named = (value as Fields | null)?.['kind']
  const fields = PATH_FIELDS[named as HelperPathKind]
  if (fields === undefined) return check.bad(`${field}.kind`, named, 'not a kind of path')
  const path = check.object(field, value, ['id', 'kind', ...fields])
  if (path === undefined) return
  const { id, kind, endpoint, server, socket } = path
  if (socket !== undefined) check.number(`${field}.socket`, socket, 1, 65_535)
  if (typeof id !== 'string' || id === '' || Buffer.byteLength(id) > 96)
    check.bad(`${field}.id`, id, 'not an id of 1 to 96 bytes')
  else if (around.ids.has(id)) check.bad(`${field}.id`, id, 'given twice')
  around.ids.add(id)
  if (kind === 'relay') return checkVia(check, `${field}.via`, path['via'], around)
  if (kind === 'channel') return
  if (kind === 'turn' && !around.servers.has(server))
    check.bad(`${field}.server`, server, 'not a server of this document')
  const address = typeof endpoint === 'string' ? parseTransportAddress(endpoint) : undefined
  if (address?.ok !== true) check.bad(`${field}.endpoint`, endpoint, 'not a transport address')
  else if (isNobodys(addressParts(address.value).ip))
    check.bad(`${field}.endpoint`, endpoint, 'the address of no host')
}

function checkVia(check: Check, field: string, value: unknown, { keys, peer }: Surroundings): void {
  const via = check.list(field, value, 2)
  if (via.length === 0) check.bad(field, value, 'not one or two hubs')
  for (const [i, hub] of via.entries()) {
    if (!check.key(`${field}[${i}]`, hub)) continue
    if (hub === peer) check.bad(`${field}[${i}]`, hub, 'the peer itself')
    else if (i === 0 && !keys.has(hub)) check.bad(`${field}[${i}]`, hub, 'no peer')
    else if (i === 1 && hub === via[0]) check.bad(`${field}[${i}]`, hub, 'given twice')
  }
}

class Check {
  readonly problems: FieldProblem[] = []

  bad(field: string, value: unknown, problem: string): void {
    this.problems.push({ field, value, problem, remedy: 'See native/PROTOCOL.md.' })
  }

  object(field: string, value: unknown, known: readonly string[]): Fields | undefined {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      this.bad(field, value, 'not an object')
      return undefined
    }
    for (const key of Object.keys(value))
      if (!known.includes(key))
        this.bad(field === '' ? key : `${field}.${key}`, null, 'unknown field')
    return value as Fields
  }

  list(field: string, value: unknown, countMax: number): unknown[] {
    if (Array.isArray(value) && value.length <= countMax) return value
    this.bad(field, null, `not a list of at most ${countMax}`)
    return []
  }

  number(field: string, value: unknown, min: number, max: number): void {
    if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max)
      this.bad(field, value, `not a whole number from ${min} to ${max}`)
  }

  key(field: string, value: unknown, isPrivate = false): boolean {
    const good = typeof value === 'string' && /^[A-Za-z0-9+/]{43}=$/.test(value)
    if (!good) this.bad(field, isPrivate ? null : value, 'not a key of 32 bytes in base64')
    return good
  }

  prefix(field: string, value: unknown): boolean {
    const [ip = '', length = ''] = String(value).split('/')
    const max = ip.includes(':') ? 128 : 32
    const good = canonicalIp(ip).ok && /^[0-9]{1,3}$/.test(length) && Number(length) <= max
    if (!good) this.bad(field, value, 'not a prefix')
    return good
  }
}

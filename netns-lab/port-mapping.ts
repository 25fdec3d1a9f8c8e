// SPDX-License-Identifier: Apache-2.0
import { writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { coturnCommand } from './coturn.ts'
import type { NatPlan } from './lab-plan.ts'
import type { NatRuleInput } from './nat-rules.ts'
import { type NodeNamespace, runInNode } from './node-namespace.ts'
import { type ServiceRequest, ServiceProcess } from './service-process.ts'

/** RFC 6886 section 3.1 and RFC 6887 section 19.1. */
const portMappingPort = 5351
/** SSDP (UPnP Device Architecture section 1). */
const discoveryPort = 1900
const upnpHttpPort = 5000

/**
 * miniupnpd takes addresses of TEST-NET for private ones, and maps nothing unless a STUN server tells it that its address is
 * its own. These two, of RFC 2544's range, are on the internet's core for nothing else.
 */
const stunAddresses = ['198.19.0.1', '198.19.0.2'] as const
const stunPort = 3478

const nonsenseFile = fileURLToPath(new URL('./nonsense-responder.ts', import.meta.url))

/** The programs by which a router's LAN asks for ports, and what they ask themselves. */
export class PortMapping {
  readonly #internet: NodeNamespace
  readonly #hostsDir: string
  readonly #running = new Map<string, ServiceProcess>()
  #stun: Promise<unknown> | undefined

  constructor(internet: NodeNamespace, stateDir: string) {
    this.#internet = internet
    this.#hostsDir = `${stateDir}/hosts`
  }

  /** The router switches off: it hears nothing until it is started again. */
  async stop(nat: string): Promise<void> {
    await this.#running.get(nat)?.kill()
    this.#running.delete(nat)
  }

  /** Starts what the rules say, once they are loaded: mappings of before are forgotten. */
  async start({ name, lan }: NatPlan, rules: NatRuleInput, node: NodeNamespace): Promise<void> {
    const { portMapping, badPortMapping } = rules
    const logFile = `${this.#hostsDir}/${name}/port-mapping.log`
    const base = { name: `port mapping of ${name}`, node, logFile }
    if (badPortMapping !== undefined) {
      const command = [process.execPath, nonsenseFile, String(portMappingPort)]
      await this.#keep(name, { ...base, command, ports: { udp: [portMappingPort], tcp: [] } })
    } else if (portMapping.length > 0) {
      await (this.#stun ??= this.#startStun())
      const configFile = `${this.#hostsDir}/${name}/miniupnpd.conf`
      await writeFile(configFile, configuration(portMapping, lan.prefix))
      // -d keeps it in the foreground.
      const command = ['miniupnpd', '-d', '-f', configFile, '-P', '/run/miniupnpd.pid']
      await this.#keep(name, { ...base, command, ports: portsOf(portMapping) })
    }
  }

  async #keep(nat: string, request: ServiceRequest): Promise<void> {
    await ServiceProcess.start(request, (service) => this.#running.set(nat, service))
  }

  async #startStun(): Promise<void> {
    const node = this.#internet
    const add = stunAddresses.map((address) => `ip addr add ${address}/32 dev lo`)
    await runInNode(node, add.join('\n'))
    const name = 'port-mapping-stun'
    const service = { kind: 'coturn', on: node.name, port: stunPort } as const
    const noFiles = { certificate: '', key: '' }
    await ServiceProcess.start({
      name,
      node,
      command: coturnCommand(name, service, stunAddresses, noFiles),
      ports: { udp: [stunPort], tcp: [] },
      logFile: `${this.#hostsDir}/${node.name}/${name}.log`,
    })
  }
}

function portsOf(protocols: NatRuleInput['portMapping']): ServiceRequest['ports'] {
  const upnp = protocols.includes('upnp')
  const byPort = protocols.includes('nat-pmp') || protocols.includes('pcp')
  return {
    udp: [...(byPort ? [portMappingPort] : []), ...(upnp ? [discoveryPort] : [])],
    tcp: upnp ? [upnpHttpPort] : [],
  }
}

function configuration(protocols: NatRuleInput['portMapping'], lanPrefix: string): string {
  const yes = (is: boolean) => (is ? 'yes' : 'no')
  return `ext_ifname=wan
listening_ip=lan
http_port=${upnpHttpPort}
enable_upnp=${yes(protocols.includes('upnp'))}
enable_natpmp=${yes(protocols.includes('nat-pmp') || protocols.includes('pcp'))}
min_lifetime=2
ext_perform_stun=yes
ext_stun_host=${stunAddresses[0]}
ext_stun_port=${stunPort}
upnp_table_name=miniupnpd
upnp_nat_table_name=miniupnpd
secure_mode=yes
allow 1024-65535 ${lanPrefix} 1024-65535
deny 0-65535 0.0.0.0/0 0-65535
`
}

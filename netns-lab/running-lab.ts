// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { readFileSync } from 'node:fs'
import type { HostChange, InternetChange, LinkChange } from './description.ts'
import type { LabStatus, StartedNode, StartRequest } from './control-protocol.ts'
import { hostBatch, internetBatch, natBatch, portBatch, uplinkBatch } from './interface-batch.ts'
import { cutRules } from './internet-cuts.ts'
import { roam } from './roam.ts'
import type { Cut, LabPlan, LinkPlan } from './lab-plan.ts'
import { hostsFileText } from './hosts-file.ts'
import { addressesOf, internetName } from './uplink-wish.ts'
import { deviceMtu, mergeImpairments, swallowedAbove } from './link-settings.ts'
import { NatRouter } from './nat-router.ts'
import { expectSuccess, type NodeNamespace, openNode, runInNode } from './node-namespace.ts'
import { LabServices } from './lab-services.ts'
import { PortMapping } from './port-mapping.ts'
import type { ServiceChange } from './service-description.ts'
import { WireEmulator } from './wire-emulator.ts'

const hostFirewall = readFileSync(new URL('./rules/host-firewall.nft', import.meta.url), 'utf8')

/** Everything that lives inside the lab's own pid namespace, where the daemon holds it. */
export class RunningLab {
  #plan: LabPlan
  readonly #stateDir: string
  readonly #request: StartRequest
  readonly #nodes = new Map<string, NodeNamespace>()
  readonly #nats = new Map<string, NatRouter>()
  readonly #links = new Map<string, LinkChange>()
  readonly #firewalls = new Map<string, boolean>()
  readonly #services: LabServices
  readonly #wire: WireEmulator | undefined
  #portMapping: PortMapping | undefined
  #cuts: readonly Cut[]

  constructor(request: StartRequest, onDeath: (reason: string) => void) {
    this.#request = request
    this.#plan = request.plan
    this.#cuts = request.plan.internet.cuts
    this.#stateDir = request.stateDir
    if (request.wireProgram !== undefined) {
      this.#wire = new WireEmulator(request.wireProgram, request.plan.seed, (reason) =>
        onDeath(`the link emulator has died: ${reason}`),
      )
    }
    this.#services = new LabServices(request.plan, request.stateDir, (name) => this.#node(name))
  }

  /** Namespaces, then links, then addresses and rules, then services. */
  async bringUp(): Promise<StartedNode[]> {
    await this.#openNodes()
    for (const link of this.#plan.links) await this.#connect(link)
    await this.#configure()
    await this.#services.start()
    await Promise.all(this.#plan.nats.map(async (nat) => this.#startPortMapping(nat.name)))
    return [...this.#nodes.values()].map(({ name, outerPid }) => ({ name, outerPid }))
  }

  async setLink(name: string, change: LinkChange): Promise<void> {
    const link = this.#plan.links.find((entry) => entry.name === name)
    if (link === undefined) throw new Error(`no link is named ${name}`)
    if (!link.emulate || this.#wire === undefined) {
      throw new Error(
        `link ${name} is a bare veth pair; remove emulate = false from it to impair it`,
      )
    }
    const settings = mergeImpairments(this.#links.get(name) ?? {}, change)
    const changesMtu = change.mtu !== undefined || change.mtuBlackhole !== undefined
    await this.#wire.change(name, change, changesMtu ? swallowedAbove(settings) : undefined)
    if (changesMtu) await this.#setDeviceMtu(link, deviceMtu(settings))
    this.#links.set(name, settings)
  }

  /** A bridge follows the smallest of its ports by itself. */
  async #setDeviceMtu({ node, device, upstream, port }: LinkPlan, mtu: number): Promise<void> {
    await runInNode(this.#node(node), `ip link set ${device} mtu ${mtu}`)
    await runInNode(this.#node(upstream), `ip link set ${port} mtu ${mtu}`)
  }

  async setNat(name: string, change: Parameters<NatRouter['change']>[0]): Promise<void> {
    const nat = this.#nats.get(name)
    if (nat === undefined) throw new Error(`no NAT is named ${name}`)
    await this.#portMapping?.stop(name)
    try {
      await nat.change(change)
    } finally {
      await this.#startPortMapping(name)
    }
  }

  async #startPortMapping(name: string): Promise<void> {
    const nat = this.#nats.get(name)
    if (nat === undefined) return
    this.#portMapping ??= new PortMapping(this.#node(internetName), this.#stateDir)
    await this.#portMapping.start(nat.plan, nat.rules, this.#node(name))
  }

  async setHost(name: string, change: HostChange): Promise<void> {
    const { firewall, behind } = change
    if (behind !== undefined) await this.#roam(name, behind)
    if (firewall === undefined) return
    await runInNode(this.#node(name), firewallScript(firewall))
    this.#firewalls.set(name, firewall)
  }

  async setInternet({ cuts = this.#cuts }: InternetChange): Promise<void> {
    await this.#cut(this.#plan, cuts)
    this.#cuts = cuts
  }

  async #cut(plan: LabPlan, cuts: readonly Cut[]): Promise<void> {
    const rules = cutRules(plan, cuts)
    await runInNode(this.#node(internetName), `nft -f - <<'RULES'\n${rules}\nRULES`)
  }

  async setService(name: string, change: ServiceChange): Promise<void> {
    await this.#services.change(name, change)
  }

  /** Takes the upstream's end of the host's link elsewhere; the host keeps its interface and gets a new address. */
  async #roam(name: string, upstream: string): Promise<void> {
    const old = this.#plan.links.find(({ node }) => node === name)
    if (old?.upstream === upstream) return
    const { plan, link, uplink } = roam(this.#plan, name, upstream)
    const host = this.#node(name)
    const target = this.#node(upstream)
    await runInNode(
      host,
      [
        `ip addr flush dev ${link.device} scope global`,
        `ip route flush dev ${link.device}`,
        `ip -6 route del default dev ${link.device} 2>/dev/null || true`,
      ].join('\n'),
    )
    await runInNode(this.#node(old?.upstream ?? ''), `ip link set ${link.port} netns ${target.pid}`)
    await runInNode(target, batchScript(portBatch(link, plan)))
    await runInNode(host, batchScript(uplinkBatch(name, uplink, 0, plan)))
    await this.#setDeviceMtu(link, deviceMtu(this.#links.get(link.name) ?? {}))
    this.#plan = plan
    // Whatever cut it off was on its old way.
    await this.setInternet({ cuts: this.#cuts.filter((cut) => !cut.includes(name)) })
  }

  /** Takes the links down. The end of the daemon takes all the rest. */
  async close(): Promise<void> {
    await this.#wire?.close()
  }

  async status(): Promise<LabStatus> {
    const frames = (await this.#wire?.statistics()) ?? {}
    return {
      name: this.#plan.name,
      stateDir: this.#stateDir,
      internet: { cuts: this.#cuts },
      hosts: this.#plan.hosts.map(({ name, uplinks }) => ({
        name,
        addresses: addressesOf(uplinks),
        behind: uplinks.map(({ upstream }) => upstream).join(', '),
        firewall: this.#firewalls.get(name) ?? false,
      })),
      nats: [...this.#nats.values()].map(({ plan, rules }) => ({
        name: plan.name,
        kind: rules.kind,
        address: rules.external[0] ?? '',
        lan: plan.lan.prefix,
        behind: plan.uplink.upstream,
        hairpin: rules.hairpin,
        mappingLifetimeS: rules.mappingLifetimeS,
        portMapping:
          rules.badPortMapping === undefined ? rules.portMapping : [rules.badPortMapping],
      })),
      links: this.#plan.links.map((link) => {
        const { name, node, upstream } = link
        const settings = this.#links.get(name) ?? {}
        const { out = {}, in: inward = {}, unplugged = false, mtu = link.mtu } = settings
        const mtuBlackhole = settings.mtuBlackhole ?? false
        const state = { unplugged, mtu, mtuBlackhole, out, in: inward }
        return { name, node, upstream, ...state, frames: frames[name] }
      }),
      services: this.#services.states(),
    }
  }

  async #openNodes(): Promise<void> {
    const routers = new Set([internetName, ...this.#plan.nats.map(({ name }) => name)])
    const names = [...routers, ...this.#plan.hosts.map(({ name }) => name)]
    const hostsFile = `${this.#stateDir}/hosts.txt`
    await writeFile(hostsFile, hostsFileText(this.#plan))
    const { outerProc } = this.#request
    const nodes = await Promise.all(
      names.map(async (name) => {
        const stateDir = `${this.#stateDir}/hosts/${name}`
        await mkdir(stateDir, { recursive: true })
        return openNode({ name, forwards: routers.has(name), stateDir, outerProc, hostsFile })
      }),
    )
    for (const node of nodes) this.#nodes.set(node.name, node)
  }

  async #connect(link: LinkPlan): Promise<void> {
    const node = this.#node(link.node)
    const upstream = this.#node(link.upstream)
    if (link.emulate && this.#wire !== undefined) {
      await this.#wire.add(link, node, upstream)
      this.#links.set(link.name, mergeImpairments({}, link.settings))
      return
    }
    const near = ['link', 'add', link.device, 'netns', String(node.pid), 'type', 'veth']
    const far = ['peer', 'name', link.port, 'netns', String(upstream.pid)]
    const child = spawn('ip', [...near, ...far], { stdio: ['ignore', 'ignore', 'pipe'] })
    await expectSuccess(child, `link ${link.name}`)
  }

  async #configure(): Promise<void> {
    const plan = this.#plan
    await Promise.all([
      runInNode(this.#node(internetName), batchScript(internetBatch(plan))),
      this.#cuts.length === 0 ? undefined : this.#cut(plan, this.#cuts),
      ...plan.nats.map(async (nat) => {
        const node = this.#node(nat.name)
        this.#nats.set(nat.name, new NatRouter(nat, plan, node, this.#node(nat.uplink.upstream)))
        const rules = NatRouter.loadScript(nat.rules, nat.pool)
        await runInNode(node, `${batchScript(natBatch(nat, plan))}\n${rules}`)
      }),
      ...plan.hosts.map(async (host) => {
        const firewall = host.firewall ? `\n${firewallScript(true)}` : ''
        this.#firewalls.set(host.name, host.firewall)
        await runInNode(this.#node(host.name), `${batchScript(hostBatch(host, plan))}${firewall}`)
      }),
    ])
  }

  #node(name: string): NodeNamespace {
    const node = this.#nodes.get(name)
    if (node === undefined) throw new Error(`no host or NAT is named ${name}`)
    return node
  }
}

function batchScript(lines: readonly string[]): string {
  return `ip -batch - <<'BATCH'\n${lines.join('\n')}\nBATCH`
}

function firewallScript(on: boolean): string {
  const load = on ? `\n${hostFirewall}` : ''
  return `nft -f - <<'RULES'\ntable inet hostfw\ndelete table inet hostfw${load}\nRULES`
}

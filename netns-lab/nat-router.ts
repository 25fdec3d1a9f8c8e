// SPDX-License-Identifier: Apache-2.0
import type { NatChange } from './description.ts'
import type { LabPlan, NatPlan } from './lab-plan.ts'
import { internetName } from './uplink-wish.ts'
import { translates } from './nat-kinds.ts'
import { mappingLifetimeS, type NatRuleInput, natRules, portMappingFault } from './nat-rules.ts'
import { type NodeNamespace, runInNode } from './node-namespace.ts'

/** A running NAT: what it is now, and the changes it can go through while hosts talk over it. */
export class NatRouter {
  readonly plan: NatPlan
  rules: NatRuleInput
  readonly #node: NodeNamespace
  readonly #upstream: NodeNamespace
  /** The device of the upstream that this NAT hangs on. */
  readonly #upstreamPort: string

  constructor(plan: NatPlan, lab: LabPlan, node: NodeNamespace, upstream: NodeNamespace) {
    this.plan = plan
    this.rules = plan.rules
    this.#node = node
    this.#upstream = upstream
    this.#upstreamPort = lab.links.find((link) => link.node === plan.name)?.port ?? ''
  }

  /** Shell lines that load the rules and forget every mapping. */
  static loadScript(rules: NatRuleInput, pool: readonly string[]): string {
    const external = rules.kind === 'address-pool' ? pool : rules.external
    const lifetimeS = mappingLifetimeS(rules)
    const timeouts = {
      udp_timeout: lifetimeS ?? 30,
      udp_timeout_stream: lifetimeS ?? 120,
    }
    return [
      `nft -f - <<'RULES'\n${natRules({ ...rules, external })}\nRULES`,
      // These exist only once the rules have pulled conntrack into the namespace.
      ...Object.entries(timeouts).map(
        ([key, valueS]) =>
          `if [ -e /proc/sys/net/netfilter/nf_conntrack_${key} ]; then echo ${valueS} >/proc/sys/net/netfilter/nf_conntrack_${key}; fi`,
      ),
    ].join('\n')
  }

  /** Any change is a restart of the router: it forgets its mappings. Throws where a change makes no sense. */
  async change(change: NatChange): Promise<void> {
    const { address, kind, hairpin, mappingLifetimeS: lifetimeS } = change
    if (kind !== undefined && translates(kind) !== translates(this.rules.kind)) {
      throw new Error(
        `${this.plan.name}: ${this.rules.kind} cannot become ${kind} while the lab runs, ` +
          'because the addresses behind it would have to change; describe another lab',
      )
    }
    const bad = change.badPortMapping ?? this.rules.badPortMapping
    const next = {
      kind: kind ?? this.rules.kind,
      portMapping: change.portMapping ?? this.rules.portMapping,
    }
    const fault = portMappingFault(next)
    if (fault !== undefined) throw new Error(`${this.plan.name}: ${fault}`)
    if (address !== undefined) await this.#readdress(address)
    this.rules = {
      ...this.rules,
      ...next,
      badPortMapping: bad === 'nonsense' ? bad : undefined,
      hairpin: hairpin ?? this.rules.hairpin,
      mappingLifetimeS: lifetimeS ?? this.rules.mappingLifetimeS,
      external: address === undefined ? this.rules.external : [address],
    }
    await runInNode(
      this.#node,
      [
        // A packet that passed meanwhile would have the new rules learn a mapping of before.
        'echo 0 >/proc/sys/net/ipv4/ip_forward',
        NatRouter.loadScript(this.rules, this.plan.pool),
        'conntrack -F 2>/dev/null || true',
        'echo 1 >/proc/sys/net/ipv4/ip_forward',
      ].join('\n'),
    )
  }

  /** The new address is there before the old one goes: deleting the last one would take the default route along. */
  async #readdress(address: string): Promise<void> {
    const { uplink, pool } = this.plan
    const old = this.rules.external[0]
    if (old === address) return
    const onInternet = uplink.upstream === internetName
    const onlink = onInternet ? ' onlink' : ''
    const port = this.#upstreamPort
    if (onInternet) {
      const viaNew = pool.map(
        (extra) => `ip route replace ${extra}/32 via ${address} dev ${port} onlink`,
      )
      await runInNode(
        this.#upstream,
        [
          `ip route add ${address}/32 dev ${port}`,
          ...viaNew,
          `ip route del ${old}/32 dev ${port}`,
        ].join('\n'),
      )
    }
    await runInNode(
      this.#node,
      [
        `ip addr add ${address}/${uplink.prefixLength} dev wan`,
        `ip route replace default via ${uplink.gateway} dev wan${onlink} src ${address}`,
        `ip addr del ${old}/${uplink.prefixLength} dev wan`,
        // Deleting an address that was the first of its prefix takes later ones of the prefix along.
        `ip addr replace ${address}/${uplink.prefixLength} dev wan`,
        `ip route replace default via ${uplink.gateway} dev wan${onlink} src ${address}`,
      ].join('\n'),
    )
  }
}

// SPDX-License-Identifier: Apache-2.0
/** One member: what it is, every path to it, how these did lately, and what may be done about it. */
import type { PathStatus, PeerStatus, Why } from '../core/status.ts'
import type { Sample } from '../shell/telemetry/sample-history.ts'
import { get } from './api.ts'
import { Curves } from './curves.tsx'
import { type Fact, FactList } from './fact-list.tsx'
import { NodeActions } from './node-actions.tsx'
import { QualityMark } from './node-table.tsx'
import { usePolled } from './polled.ts'
import { timeText } from './time-text.ts'
import { bytesText, msText, pathText, percentText, qualityOf, rttOf } from './quality.ts'

/** Both ends are asked for it. */
const WHY_MS = 15_000

export interface NodePageProps {
  readonly peer: PeerStatus
  readonly mayChange: boolean
  readonly tell: (text: string) => void
}

export function NodePage({ peer, mayChange, tell }: NodePageProps) {
  const samples = usePolled(peer.nodeId, () => get<Sample[]>('/v1/history', { peer: peer.nodeId }))
  const why = usePolled(peer.nodeId, () => get<Why>('/v1/why', { peer: peer.nodeId }), WHY_MS)
  return (
    <section aria-labelledby="node-title">
      <h1 id="node-title">
        <QualityMark quality={qualityOf(peer)} /> {peer.name}
        {peer.hub && <span class="tag">hub</span>}
      </h1>
      <p>{peer.why}</p>
      <div class="columns">
        <Facts peer={peer} />
        <Paths peer={peer} />
      </div>
      {samples.value && <Curves samples={samples.value} />}
      <WhyText why={why.value} fault={why.fault} known={peer.why} />
      {mayChange && <NodeActions peer={peer} tell={tell} />}
    </section>
  )
}

function Facts({ peer }: { readonly peer: PeerStatus }) {
  const { nat, lastSwitch } = peer
  const facts: Fact[] = [
    ['State', peer.liveness],
    ['Addresses', peer.addresses.join(', ')],
    ['Round trip', msText(rttOf(peer))],
    ['Loss', percentText(peer.path.lossPct)],
    ['Received, sent', `${bytesText(peer.rxBytes)}, ${bytesText(peer.txBytes)}`],
    ['NAT', natText(nat)],
    ['Home hubs', peer.homeHubs.join(', ') || '–'],
    ['Tags', peer.tags.join(', ') || '–'],
    ['Largest packet', `${peer.mtu} bytes`],
    [
      'Last switch',
      lastSwitch === null
        ? 'none'
        : `${timeText(lastSwitch.time)} to ${lastSwitch.to ?? 'nothing'}: ${lastSwitch.cause}, ${lastSwitch.gapMs} ms`,
    ],
    ['Node id', peer.nodeId.slice(0, 16)],
  ]
  return <FactList facts={facts} />
}

function natText({ mapping, filtering, lifetimeMs }: PeerStatus['nat']): string {
  const kept = lifetimeMs === null ? '' : `, mappings kept for ${Math.round(lifetimeMs / 1000)} s`
  return `mapping ${mapping}, filtering ${filtering}${kept}`
}

function Paths({ peer }: { readonly peer: PeerStatus }) {
  const all: [string, PathStatus][] = [
    ['in use', peer.path],
    ...peer.backups.map((path): [string, PathStatus] => ['backup', path]),
  ]
  return (
    <table>
      <caption>Paths</caption>
      <thead>
        <tr>
          <th scope="col">Path</th>
          <th scope="col">Use</th>
          <th scope="col">Endpoint</th>
          <th scope="col" class="number">
            Round trip
          </th>
          <th scope="col" class="number">
            Loss
          </th>
        </tr>
      </thead>
      <tbody>
        {all.map(([use, path], index) => (
          <tr key={index}>
            <th scope="row">{pathText(path)}</th>
            <td>{use}</td>
            <td class="mono">{path.endpoint ?? '–'}</td>
            <td class="number">{msText(path.rttMs)}</td>
            <td class="number">{percentText(path.lossPct)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

interface WhyTextProps {
  readonly why: Why | undefined
  readonly fault: string
  /** The sentence that stands at the top of the page already. */
  readonly known: string
}

function WhyText({ why, fault, known }: WhyTextProps) {
  if (why === undefined) return fault === '' ? null : <p class="fault">{fault}</p>
  return (
    <div class="why">
      <h2>Why this path</h2>
      {why.sentence !== known && <p>{why.sentence}</p>}
      {why.obstacle !== null && <p>{why.obstacle.sentence}</p>}
      {why.remedies.length > 0 && (
        <>
          <h3>What would help</h3>
          <ul>
            {why.remedies.map((remedy) => (
              <li key={remedy}>{remedy}</li>
            ))}
          </ul>
        </>
      )}
      <h3>Tried</h3>
      <ul class="mono">
        {why.attempts.map(({ address, kind, outcome, rttMs }) => (
          <li key={`${kind} ${address}`}>
            {address} ({kind}): {outcome}
            {rttMs === null ? '' : `, ${msText(rttMs)}`}
          </li>
        ))}
      </ul>
    </div>
  )
}

// SPDX-License-Identifier: Apache-2.0
/** The mesh as this host sees it: itself in the middle, hubs around it, everybody else outside. */
import { memo } from 'preact/compat'
import type { PeerStatus, Status } from '../core/status.ts'
import { labelBeside, labelBetween } from './map-label.ts'
import { msText, pathText, type Quality, qualityOf, rttOf, SHAPES } from './quality.ts'

const SIZE = 760
const CENTRE = SIZE / 2
const HUB_RING = 130
const OUTER_RING = 265
/** So many names fit around the ring side by side. */
const LEVEL_LABELS_MAX = 14
/** Level names need less room around the ring than turned ones. */
const LEVEL_FRAME = 64

interface Spot {
  readonly x: number
  readonly y: number
  readonly angle: number
}

export function MeshMap({ status }: { readonly status: Status }) {
  const { self, peers } = status
  const hubs = peers.filter(({ hub }) => hub)
  const others = peers.filter(({ hub }) => !hub)
  const spots = new Map([...ring(hubs, HUB_RING), ...ring(others, OUTER_RING)])
  const byName = new Map(peers.map((peer) => [peer.name, spots.get(peer.nodeId)!]))
  const turned = others.length > LEVEL_LABELS_MAX
  const middle = { x: CENTRE, y: CENTRE, angle: 0 }
  const frame = turned ? 0 : LEVEL_FRAME
  const side = SIZE - 2 * frame
  const directions = peers.map((peer) => (hubsOf(peer, byName)[0] ?? spots.get(peer.nodeId)!).angle)
  const own = labelBetween(CENTRE, directions)
  return (
    <section aria-labelledby="map-title">
      <h1 id="map-title">Map</h1>
      <Legend />
      <svg
        class="map"
        viewBox={`${frame} ${frame} ${side} ${side}`}
        role="group"
        aria-label={`${self.name} and its paths to ${peers.length} members. The table of nodes has the same as text.`}
      >
        <g class="homes">
          {others.map((peer) =>
            peer.homeHubs.map((hub) => {
              const [from, to] = [spots.get(peer.nodeId)!, byName.get(hub)]
              return to && <path key={`${peer.nodeId} ${hub}`} d={lineOf(from, to)} />
            }),
          )}
        </g>
        {peers.map((peer) => (
          <Line
            key={peer.nodeId}
            d={wayOf(peer, spots.get(peer.nodeId)!, middle, byName)}
            quality={qualityOf(peer)}
            relayed={peer.path.kind !== 'direct'}
          />
        ))}
        <circle class="self" cx={CENTRE} cy={CENTRE} r={13} />
        <text class={`name self-name ${own.side}`} x={own.x} y={own.y}>
          {self.name}
        </text>
        {peers.map((peer) => (
          <Dot
            key={peer.nodeId}
            name={peer.name}
            hub={peer.hub}
            spot={spots.get(peer.nodeId)!}
            quality={qualityOf(peer)}
            turned={turned && !peer.hub}
            text={`${peer.name}: ${pathText(peer.path)}, ${msText(rttOf(peer))}`}
            rtt={turned ? '' : msText(rttOf(peer))}
          />
        ))}
      </svg>
      <p class="quiet">
        Lines are what <b>{self.name}</b> sends over; thin grey ones lead to a member's home hubs.{' '}
        <a href="#/nodes">The same as a table</a>
      </p>
    </section>
  )
}

function Legend() {
  const words: Readonly<Record<Quality, string>> = {
    good: 'good',
    fair: 'over 120 ms or 1 % loss',
    poor: 'over 300 ms or 5 % loss',
    none: 'no path',
  }
  return (
    <ul class="legend" aria-label="Legend">
      {Object.entries(words).map(([quality, word]) => (
        <li key={quality}>
          <span class={`shape ${quality}`} aria-hidden="true">
            {SHAPES[quality as Quality]}
          </span>
          {word}
        </li>
      ))}
      <li>
        <svg width="34" height="8" aria-hidden="true">
          <path class="way good" d="M0 4H34" />
        </svg>
        direct
      </li>
      <li>
        <svg width="34" height="8" aria-hidden="true">
          <path class="way good relayed" d="M0 4H34" />
        </svg>
        relayed
      </li>
    </ul>
  )
}

const Line = memo(function Line(props: { d: string; quality: Quality; relayed: boolean }) {
  return <path class={`way ${props.quality}${props.relayed ? ' relayed' : ''}`} d={props.d} />
})

interface DotProps {
  readonly name: string
  readonly hub: boolean
  readonly spot: Spot
  readonly quality: Quality
  readonly turned: boolean
  readonly text: string
  readonly rtt: string
}

function sameDot(a: DotProps, b: DotProps): boolean {
  return (
    a.text === b.text &&
    a.quality === b.quality &&
    a.spot.x === b.spot.x &&
    a.spot.y === b.spot.y &&
    a.turned === b.turned
  )
}

const Dot = memo(function Dot({ name, hub, spot, quality, turned, text, rtt }: DotProps) {
  const { x, y, angle } = spot
  const label = labelBeside(spot, hub)
  return (
    <a href={`#/node/${encodeURIComponent(name)}`} class={`dot ${quality}`}>
      <title>{text}</title>
      <rect class="touch" x={x - 12} y={y - 12} width={24} height={24} />
      {hub && <rect class="hub" x={x - 11} y={y - 11} width={22} height={22} rx={3} />}
      <Mark quality={quality} x={x} y={y} />
      {turned ? (
        <text class={`name turned ${isLeft(angle) ? 'left' : 'right'}`} transform={turnOf(spot)}>
          {name}
        </text>
      ) : (
        <text class={`name ${label.side}`} x={label.x} y={label.y}>
          {name}
          <tspan class="rtt" x={label.x} dy={14}>
            {rtt}
          </tspan>
        </text>
      )}
    </a>
  )
}, sameDot)

/** The shapes of SHAPES, drawn: characters sit differently in every font. */
function Mark({ quality, x, y }: { quality: Quality; x: number; y: number }) {
  switch (quality) {
    case 'good':
      return <circle class="mark" cx={x} cy={y} r={6} />
    case 'fair':
      return <path class="mark" d={`M${x} ${y - 7}l7 12h-14z`} />
    case 'poor':
      return <path class="mark" d={`M${x} ${y - 8}l7 8-7 8-7-8z`} />
    case 'none':
      return <circle class="mark" cx={x} cy={y} r={5} />
  }
}

function ring(peers: readonly PeerStatus[], radius: number): [string, Spot][] {
  return peers.map(({ nodeId }, index) => {
    // Begins a little off the top, so that two hubs do not stand in one line with the middle.
    const angle = ((index + 0.25) / peers.length) * 2 * Math.PI - Math.PI / 2
    const x = Math.round((CENTRE + radius * Math.cos(angle)) * 10) / 10
    const y = Math.round((CENTRE + radius * Math.sin(angle)) * 10) / 10
    return [nodeId, { x, y, angle }]
  })
}

/** The hubs that the path to a member crosses, as far as they are members that this host knows. */
function hubsOf({ path }: PeerStatus, byName: ReadonlyMap<string, Spot>): Spot[] {
  return (path.via ?? '').split(', ').flatMap((name) => byName.get(name) ?? [])
}

function wayOf(peer: PeerStatus, to: Spot, from: Spot, byName: ReadonlyMap<string, Spot>): string {
  return [from, ...hubsOf(peer, byName), to]
    .map(({ x, y }, i) => `${i === 0 ? 'M' : 'L'}${x} ${y}`)
    .join('')
}

function lineOf(a: Spot, b: Spot): string {
  return `M${a.x} ${a.y}L${b.x} ${b.y}`
}

function isLeft(angle: number): boolean {
  return Math.cos(angle) < 0
}

function turnOf({ x, y, angle }: Spot): string {
  const degrees = (angle * 180) / Math.PI + (isLeft(angle) ? 180 : 0)
  return `translate(${x} ${y}) rotate(${degrees.toFixed(1)}) translate(${isLeft(angle) ? -14 : 14} 3.5)`
}

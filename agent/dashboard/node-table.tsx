// SPDX-License-Identifier: Apache-2.0
/** Every member that this host knows, to be sorted and filtered; the map as text. */
import { memo } from 'preact/compat'
import { useState } from 'preact/hooks'
import type { PeerStatus, Status } from '../core/status.ts'
import type { NodeReport } from '../shell/authority/admin-desk.ts'
import { post } from './api.ts'
import { ConfirmedAction } from './confirm.tsx'
import {
  bytesText,
  msText,
  pathText,
  percentText,
  type Quality,
  qualityOf,
  rttOf,
  SHAPES,
} from './quality.ts'

interface Column {
  readonly key: string
  readonly title: string
  readonly number?: boolean
  readonly of: (peer: PeerStatus) => string | number
}

const COLUMNS: readonly Column[] = [
  { key: 'name', title: 'Name', of: ({ name }) => name },
  { key: 'state', title: 'State', of: ({ liveness }) => liveness },
  { key: 'address', title: 'Address', of: ({ addresses }) => addresses[0] ?? '' },
  { key: 'path', title: 'Path', of: ({ path }) => pathText(path) },
  { key: 'rtt', title: 'Round trip', number: true, of: (peer) => rttOf(peer) ?? Infinity },
  { key: 'loss', title: 'Loss', number: true, of: ({ path }) => path.lossPct ?? Infinity },
  { key: 'rx', title: 'Received', number: true, of: ({ rxBytes }) => rxBytes },
  { key: 'tx', title: 'Sent', number: true, of: ({ txBytes }) => txBytes },
  { key: 'tags', title: 'Tags', of: ({ tags }) => tags.join(' ') },
]

export interface NodeTableProps {
  readonly status: Status
  /** Hosts that a person has to decide about. */
  readonly waiting: readonly NodeReport[]
  readonly tell: (text: string) => void
}

export function NodeTable({ status, waiting, tell }: NodeTableProps) {
  const [wanted, setWanted] = useState('')
  const [order, setOrder] = useState({ key: 'name', down: false })
  const column = COLUMNS.find(({ key }) => key === order.key)!
  const found = status.peers.filter((peer) => fits(peer, wanted.toLowerCase()))
  const rows = found.toSorted((a, b) => compare(column.of(a), column.of(b)))
  if (order.down) rows.reverse()
  return (
    <section aria-labelledby="nodes-title">
      <h1 id="nodes-title">Nodes</h1>
      {waiting.length > 0 && <Waiting waiting={waiting} tell={tell} />}
      <div class="bar">
        <label>
          Filter{' '}
          <input
            type="search"
            value={wanted}
            placeholder="name, address, tag, path"
            onInput={(event) => setWanted(event.currentTarget.value)}
          />
        </label>
        <span role="status">
          {found.length} of {status.peers.length} members
        </span>
      </div>
      <div class="scroll" tabIndex={0} role="region" aria-label="Table of nodes">
        {/* Laid out as a grid, whose roles have to be said: see .nodes in the style sheet. */}
        <table class="nodes" role="table">
          <thead role="rowgroup">
            <tr role="row">
              {COLUMNS.map(({ key, title, number }) => (
                <th
                  key={key}
                  role="columnheader"
                  scope="col"
                  class={number ? 'number' : ''}
                  aria-sort={order.key !== key ? 'none' : order.down ? 'descending' : 'ascending'}
                >
                  <button
                    type="button"
                    onClick={() => setOrder({ key, down: order.key === key && !order.down })}
                  >
                    {title}
                    <span aria-hidden="true">
                      {order.key !== key ? '' : order.down ? ' ↓' : ' ↑'}
                    </span>
                  </button>
                </th>
              ))}
            </tr>
          </thead>
          <tbody role="rowgroup">
            {rows.map((peer) => (
              <Row key={peer.nodeId} {...rowOf(peer)} />
            ))}
          </tbody>
        </table>
      </div>
    </section>
  )
}

/** Plain values only, so that a row that shows the same is left alone. */
function rowOf(peer: PeerStatus) {
  return {
    name: peer.name,
    hub: peer.hub,
    state: peer.liveness,
    address: peer.addresses[0] ?? '',
    quality: qualityOf(peer),
    path: pathText(peer.path),
    rtt: msText(rttOf(peer)),
    loss: percentText(peer.path.lossPct),
    received: bytesText(peer.rxBytes),
    sent: bytesText(peer.txBytes),
    tags: peer.tags.join(' '),
  }
}

const Row = memo(function Row(row: ReturnType<typeof rowOf>) {
  return (
    <tr role="row">
      <th role="rowheader" scope="row">
        <a href={`#/node/${encodeURIComponent(row.name)}`}>{row.name}</a>
        {row.hub && <span class="tag">hub</span>}
      </th>
      <td role="cell">{row.state}</td>
      <td role="cell" class="mono">
        {row.address}
      </td>
      <td role="cell" title={row.path}>
        <QualityMark quality={row.quality} /> {row.path}
      </td>
      <td role="cell" class="number">
        {row.rtt}
      </td>
      <td role="cell" class="number">
        {row.loss}
      </td>
      <td role="cell" class="number">
        {row.received}
      </td>
      <td role="cell" class="number">
        {row.sent}
      </td>
      <td role="cell" title={row.tags}>
        {row.tags}
      </td>
    </tr>
  )
})

export function QualityMark({ quality }: { readonly quality: Quality }) {
  return (
    <span class={`shape ${quality}`} role="img" aria-label={quality}>
      {SHAPES[quality]}
    </span>
  )
}

function Waiting({ waiting, tell }: Omit<NodeTableProps, 'status'>) {
  const decide =
    (what: 'approve' | 'refuse', { name, node }: NodeReport) =>
    async () => {
      await post(`/v1/nodes/${what}`, { node })
      return what === 'approve'
        ? `${name} is let in as soon as it asks again`
        : `${name} is not let in`
    }
  return (
    <div class="notice">
      <h2>Waiting to be let in</h2>
      <ul>
        {waiting.map((one) => (
          <li key={one.node}>
            <b>{one.name}</b> <span class="mono quiet">{one.node.slice(0, 8)}</span>{' '}
            <ConfirmedAction
              label="Approve"
              title={`Let ${one.name} in?`}
              act={decide('approve', one)}
              tell={tell}
            >
              <p>It becomes a member as soon as it asks again.</p>
            </ConfirmedAction>{' '}
            <ConfirmedAction
              label="Refuse"
              title={`Refuse ${one.name}?`}
              danger
              act={decide('refuse', one)}
              tell={tell}
            >
              <p>It is told that it may not join.</p>
            </ConfirmedAction>
          </li>
        ))}
      </ul>
    </div>
  )
}

function fits(peer: PeerStatus, wanted: string): boolean {
  const { name, addresses, tags, path, liveness, hub } = peer
  const text = [name, ...addresses, ...tags, pathText(path), liveness, hub ? 'hub' : '']
  return text.some((part) => part.toLowerCase().includes(wanted))
}

/** Made once: `localeCompare` makes one for each pair. */
const BY_WORDS = new Intl.Collator('en', { numeric: true })

function compare(a: string | number, b: string | number): number {
  if (typeof a === 'number' && typeof b === 'number') return a === b ? 0 : a - b
  return BY_WORDS.compare(String(a), String(b))
}

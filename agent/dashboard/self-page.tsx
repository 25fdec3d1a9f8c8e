// SPDX-License-Identifier: Apache-2.0
/** This host, and its part as a hub. */
import type { Status } from '../core/status.ts'
import type { HubReport } from '../shell/draining.ts'
import { get, post } from './api.ts'
import { ConfirmedAction } from './confirm.tsx'
import { type Fact, FactList } from './fact-list.tsx'
import { usePolled } from './polled.ts'

export function SelfPage(props: { status: Status; tell: (text: string) => void }) {
  const { self } = props.status
  const { helper } = self
  const facts: Fact[] = [
    ['Network', self.network],
    ['Addresses', self.addresses.join(', ')],
    ['Interface', `${self.interface}, UDP port ${self.listenPort ?? '–'}`],
    ['NAT', `mapping ${self.nat.mapping}, filtering ${self.nat.filtering}`],
    ['Seen from outside', self.nat.mapped.join(', ') || '–'],
    ['Can be dialled at', self.dialAddresses.join(', ') || 'nowhere'],
    ['Helper', helper.connected ? `${helper.engine ?? ''} engine` : (helper.problem ?? 'away')],
    ['Certificate until', self.certificateNotAfter.slice(0, 16).replace('T', ' ')],
    ["Network's key", self.authority ? 'here' : 'elsewhere'],
  ]
  return (
    <section aria-labelledby="self-title">
      <h1 id="self-title">{self.name}</h1>
      <FactList facts={facts} />
      <Hub tell={props.tell} />
    </section>
  )
}

function Hub({ tell }: { readonly tell: (text: string) => void }) {
  const { value: hub, fault, again } = usePolled('hub', () => get<HubReport>('/v1/hub'))
  if (hub === undefined) return <p class="fault">{fault}</p>
  const drain = (draining: boolean) => async () => {
    await post<HubReport>('/v1/drain', { draining })
    again()
    return draining ? 'Others are told to leave this hub' : 'Others may use this hub again'
  }
  return (
    <div>
      <h2>As a hub</h2>
      <p>
        {!hub.relays
          ? 'It forwards for nobody.'
          : hub.draining
            ? 'It is being drained.'
            : 'It forwards for others.'}{' '}
        {hub.users.length > 0 && `Home hub of ${hub.users.join(', ')}.`}
      </p>
      {hub.prefixes.length > 0 && <p>It speaks for {hub.prefixes.join(', ')}.</p>}
      {(hub.relays || hub.prefixes.length > 0) && !hub.draining && (
        <ConfirmedAction label="Drain" title="Drain this hub?" danger act={drain(true)} tell={tell}>
          <p>
            {hub.relays
              ? 'Members move to other hubs without losing a packet.'
              : 'Members go over another gateway.'}{' '}
            It can be taken back.
          </p>
        </ConfirmedAction>
      )}
      {hub.draining && (
        <ConfirmedAction label="Undrain" title="Use this hub again?" act={drain(false)} tell={tell}>
          <p>Members may come back to it.</p>
        </ConfirmedAction>
      )}
    </div>
  )
}

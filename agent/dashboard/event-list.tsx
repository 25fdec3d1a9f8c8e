// SPDX-License-Identifier: Apache-2.0
/** What happens, as it happens; newest first. */
import { memo } from 'preact/compat'
import { useEffect, useState } from 'preact/hooks'
import type { EventEntry } from '../core/event-log.ts'
import { eventText } from '../core/event-text.ts'
import { lines } from './api.ts'
import { faultText } from './confirm.tsx'
import { timeText } from './time-text.ts'

const SHOWN_MAX = 300
/** A burst is one change of the page. */
const GATHER_MS = 100

export function EventList() {
  const [entries, setEntries] = useState<readonly EventEntry[]>([])
  const [fault, setFault] = useState('')
  useEffect(() => {
    const gone = new AbortController()
    let fresh: EventEntry[] = []
    const timer = setInterval(() => {
      if (fresh.length === 0) return
      const batch = fresh.toReversed()
      fresh = []
      setEntries((known) => [...batch, ...known].slice(0, SHOWN_MAX))
    }, GATHER_MS)
    const follow = async () => {
      for await (const entry of lines<EventEntry>('/v1/events?follow=1', gone.signal))
        fresh.push(entry)
    }
    follow().catch((error: unknown) => {
      if (!gone.signal.aborted) setFault(faultText(error))
    })
    return () => {
      gone.abort()
      clearInterval(timer)
    }
  }, [])
  return (
    <section aria-labelledby="events-title">
      <h1 id="events-title">Events</h1>
      {fault !== '' && <p class="fault">{fault}</p>}
      <div role="log" aria-label="Events, newest first">
        <ol class="events">
          {entries.map((entry) => (
            <Entry key={entry.sequence} entry={entry} />
          ))}
        </ol>
      </div>
    </section>
  )
}

/** What happened does not change: only new entries are made. */
const Entry = memo(function Entry({ entry }: { readonly entry: EventEntry }) {
  return (
    <li>
      <time dateTime={entry.time}>{timeText(entry.time)}</time>{' '}
      <span class="kind">{entry.kind}</span> {eventText(entry)}
    </li>
  )
})

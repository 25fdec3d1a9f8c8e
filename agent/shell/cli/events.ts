// SPDX-License-Identifier: Apache-2.0
import { styleText } from 'node:util'
import { type EventEntry, isWarning } from '../../core/event-log.ts'
import { eventText } from '../../core/event-text.ts'
import { ApiClient } from '../api/api-client.ts'
import { type CommandContext, print } from './context.ts'

interface EventsOptions {
  readonly follow?: boolean
}

/** `meshgate events`: what happened since the agent started, oldest first. */
export async function events(context: CommandContext, { follow }: EventsOptions): Promise<number> {
  const client = new ApiClient(context.runDir)
  if (follow !== true) {
    const entries = await client.get<readonly EventEntry[]>('/v1/events')
    const text = entries.map(lineOf).join('\n')
    print(context, entries, text === '' ? 'nothing happened since the agent started' : text)
    return 0
  }
  for await (const entry of client.getLines<EventEntry>('/v1/events?follow=1'))
    process.stdout.write(`${context.json ? JSON.stringify(entry) : lineOf(entry)}\n`)
  return 0
}

function lineOf(entry: EventEntry): string {
  const text = `${entry.time.replace('T', ' ').replace('Z', '')}  ${eventText(entry)}`
  return isWarning(entry) ? styleText('yellow', text, { stream: process.stdout }) : text
}

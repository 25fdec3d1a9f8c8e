// SPDX-License-Identifier: Apache-2.0

/** Sweden writes dates as ISO 8601 does. */
const FORMAT = new Intl.DateTimeFormat('sv-SE', { dateStyle: 'short', timeStyle: 'medium' })

/** An ISO time as the clock of whoever looks at the page shows it: `2026-03-01 13:00:05`. */
export function timeText(iso: string): string {
  return FORMAT.format(new Date(iso))
}

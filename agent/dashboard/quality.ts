// SPDX-License-Identifier: Apache-2.0
/** How well a path serves, in four steps. Each has a word and a shape beside its colour: colour alone tells not everybody. */
import type { PathStatus, PeerStatus } from '../core/status.ts'

export type Quality = 'good' | 'fair' | 'poor' | 'none'

export const SHAPES: Readonly<Record<Quality, string>> = {
  good: '●',
  fair: '▲',
  poor: '◆',
  none: '○',
}

/** Where talk begins to suffer (ITU-T G.114: 150 ms one way), and where it ends. */
const FAIR_RTT_MS = 120
const POOR_RTT_MS = 300
const FAIR_LOSS_PCT = 1
const POOR_LOSS_PCT = 5

export function qualityOf({ path, sessionRttMs, liveness }: PeerStatus): Quality {
  if (path.kind === 'none' || liveness === 'failed' || liveness === 'left') return 'none'
  const rttMs = sessionRttMs ?? path.rttMs ?? 0
  const lossPct = path.lossPct ?? 0
  if (rttMs > POOR_RTT_MS || lossPct > POOR_LOSS_PCT) return 'poor'
  return rttMs > FAIR_RTT_MS || lossPct > FAIR_LOSS_PCT ? 'fair' : 'good'
}

export function pathText({ kind, via, hubServer }: PathStatus): string {
  if (kind === 'none') return 'no path'
  const server = hubServer === null ? '' : ` (TURN ${hubServer})`
  return via === null ? kind : `${kind} over ${via}${server}`
}

export function msText(ms: number | null): string {
  if (ms === null) return '–'
  return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`
}

export function percentText(value: number | null): string {
  return value === null ? '–' : `${value < 10 ? value.toFixed(1) : Math.round(value)} %`
}

export function bytesText(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  const step = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3))
  const value = bytes / 1000 ** step
  return `${step === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[step]}`
}

export function rttOf({ path, sessionRttMs }: PeerStatus): number | null {
  return sessionRttMs ?? path.rttMs
}

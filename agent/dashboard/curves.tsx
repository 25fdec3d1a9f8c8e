// SPDX-License-Identifier: Apache-2.0
/** The last ten minutes of a peer as curves, with the same as a sentence for whoever cannot see them. */
import type { Sample } from '../shell/telemetry/sample-history.ts'
import { msText, percentText } from './quality.ts'

const WIDTH = 600
const HEIGHT = 110
const SAMPLES_MAX = 300
const TOP = 8

export function Curves({ samples }: { readonly samples: readonly Sample[] }) {
  return (
    <div class="curves">
      <Curve
        title="Round trip"
        values={samples.map(({ rttMs }) => rttMs)}
        text={msText}
        least={10}
      />
      <Curve
        title="Loss"
        values={samples.map(({ lossPct }) => lossPct)}
        text={percentText}
        least={5}
      />
    </div>
  )
}

interface CurveProps {
  readonly title: string
  readonly values: readonly (number | null)[]
  readonly text: (value: number | null) => string
  /** The scale's top is at least this, so that a quiet line looks quiet. */
  readonly least: number
}

function Curve({ title, values, text, least }: CurveProps) {
  const known = values.filter((value) => value !== null)
  const top = Math.max(least, ...known)
  const last = known.at(-1) ?? null
  const mean = known.length === 0 ? null : known.reduce((a, b) => a + b, 0) / known.length
  const most = known.length === 0 ? null : Math.max(...known)
  const sentence = `${title}: now ${text(last)}, mean ${text(mean)}, at most ${text(most)}`
  return (
    <figure>
      <figcaption>
        <b>{title}</b> now {text(last)}{' '}
        <span class="quiet">
          mean {text(mean)}, at most {text(most)}
        </span>
      </figcaption>
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        role="img"
        aria-label={`${sentence}. The last ten minutes.`}
      >
        <path
          class="grid"
          d={`M0 ${TOP}H${WIDTH}M0 ${HEIGHT / 2 + TOP / 2}H${WIDTH}M0 ${HEIGHT - 1}H${WIDTH}`}
        />
        <path class="curve" d={pathOf(values, top)} />
        <text x="2" y={TOP + 10}>
          {text(top)}
        </text>
      </svg>
    </figure>
  )
}

/** Newest at the right edge; a gap where nothing was measured. */
function pathOf(values: readonly (number | null)[], top: number): string {
  const first = SAMPLES_MAX - values.length
  let pen = 'M'
  return values
    .map((value, index) => {
      if (value === null) {
        pen = 'M'
        return ''
      }
      const x = ((first + index) / (SAMPLES_MAX - 1)) * WIDTH
      const y = HEIGHT - 1 - (value / top) * (HEIGHT - 1 - TOP)
      const point = `${pen}${x.toFixed(1)} ${y.toFixed(1)}`
      pen = 'L'
      return point
    })
    .join('')
}

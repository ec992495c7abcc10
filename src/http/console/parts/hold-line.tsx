import { useSignal } from '@preact/signals'
import { seconds } from '../../../domain/figures.ts'
import type { PastHold } from '../../../fleet/fleet-control.ts'
import { history } from '../state/history.ts'
import { moment } from '../state/time.ts'
import { T } from '../texts.ts'

const HOUR_MS = 3_600_000
const SPANS = [1, 6, 24, 168]

/** When the fleet held, over hours: a line that is broken where it did. */
export function HoldLine() {
  const hours = useSignal(6)
  const read = history.value
  const at = read?.at ?? 0
  const from = at - hours.value * HOUR_MS
  const holds = (read?.holds ?? []).filter(({ to }) => to > from).toSorted((a, b) => b.from - a.from)
  const heldMs = holds.reduce((sum, hold) => sum + Math.min(hold.to, at) - Math.max(hold.from, from), 0)
  const sentence = read ? T.holdLine.sentence(hours.value, holds.length, seconds(heldMs)) : T.now.loading
  return (
    <section class="card stack">
      <div class="row between">
        <h3>{T.holdLine.title}</h3>
        <label class="check">
          {T.holdLine.hours}
          <select value={hours.value} onChange={(event) => (hours.value = Number(event.currentTarget.value))}>
            {SPANS.map((count) => (
              <option key={count} value={count}>
                {T.holdLine.span(count)}
              </option>
            ))}
          </select>
        </label>
      </div>
      <p class="soft small">{sentence}</p>
      <div class="bar" role="img" aria-label={sentence}>
        <span class="part-free whole" />
        {holds.map((hold) => (
          <span key={`${hold.reason} ${hold.from}`} class="at part-hold" style={place(hold, from, at)} />
        ))}
      </div>
      <div class="row between soft small" aria-hidden="true">
        <span>{read ? moment(from) : '–'}</span>
        <span>{T.holdLine.now}</span>
      </div>
      {holds.length > 0 ? <List holds={holds.slice(0, 20)} at={at} /> : null}
    </section>
  )
}

function place(hold: PastHold, from: number, at: number) {
  const part = (time: number) => (100 * (Math.min(at, Math.max(from, time)) - from)) / (at - from)
  return { left: `min(${part(hold.from)}%, 100% - 4px)`, width: `${part(hold.to) - part(hold.from)}%` }
}

function List({ holds, at }: { holds: PastHold[]; at: number }) {
  return (
    <ol class="steps">
      {holds.map(({ reason, from, to, why }) => (
        <li key={`${reason} ${from}`}>
          {T.holdLine.one(reason, moment(from), to > at ? null : moment(to), seconds(Math.min(to, at) - from), why)}
        </li>
      ))}
    </ol>
  )
}

import type { Activity } from '../../../fleet/activity.ts'
import { filterWords } from '../state/filter-words.ts'
import { searchFor } from '../state/find.ts'
import { go } from '../state/route.ts'
import { activity, running } from '../state/running.ts'
import { minute, now } from '../state/time.ts'
import { T } from '../texts.ts'

const LATELY_MS = 3_600_000
const SHOWN = 5
/** In the activity ids are hashes, by which nobody can search; what is redriven is not dead any more, and its age is another. */
const LEFT_OUT = ['connectionId', 'correlationId', 'state', 'olderThanMs', 'newerThanMs']

/** A group that was redriven is gone from the list: this says by whom, and whether it has come back. */
export function LastRedrives() {
  const shown = new Set(running.value.map(({ id }) => id))
  const lately = (activity.value ?? []).filter(
    ({ action, at, id }) => action === 'redrive' && Date.parse(at) > now.value - LATELY_MS && !shown.has(id ?? ''),
  )
  if (lately.length === 0) return null
  return (
    <section class="card stack">
      <h3>{T.dead.lately}</h3>
      <ul class="stack plain">
        {lately.slice(0, SHOWN).map((one) => (
          <Redrive key={`${one.at} ${one.who} ${one.id}`} of={one} />
        ))}
      </ul>
    </section>
  )
}

function Redrive({ of: { at, who, count, state, arguments: given } }: { of: Activity }) {
  const cause = causeOf(given.selection)
  const words = filterWords(cause)
  const show = () => {
    go('find')
    void searchFor(cause)
  }
  return (
    <li class="row">
      <span>{T.dead.redriven(minute(at), count, who, words, state === 'done' ? null : T.running.states[state])}</span>
      {words === '' ? null : (
        <button type="button" class="link" onClick={show}>
          {T.dead.listAgain}
        </button>
      )}
    </li>
  )
}

function causeOf(selection: unknown): Record<string, string> {
  const fields: readonly string[] = Object.keys(T.find.fields)
  const entries = Object.entries((selection ?? {}) as Record<string, unknown>)
  return Object.fromEntries(
    entries.flatMap(([name, value]) =>
      fields.includes(name) && !LEFT_OUT.includes(name) ? [[name, String(value)]] : [],
    ),
  )
}

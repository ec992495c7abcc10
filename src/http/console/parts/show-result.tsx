import { useSignal } from '@preact/signals'
import type { Result } from '../../../domain/result.ts'
import { Refused } from '../state/api.ts'
import { may } from '../state/session.ts'
import { type Story, showResult } from '../state/story.ts'
import { T } from '../texts.ts'

/** The customer's data, behind a click that stands in the activity. Hidden again with another, or with the story. */
export function ShowResult({ story: { lookupId, result, resultIsThere, keptUntil } }: { story: Story }) {
  const shown = useSignal<Result | null | 'gone'>(null)
  const problem = useSignal<string | null>(null)
  if (result === null || !(resultIsThere || keptUntil !== null)) return null
  if (!may('results')) return <p class="soft small">{T.show.noRole}</p>
  const show = async () => {
    problem.value = null
    try {
      shown.value = (await showResult(lookupId)) ?? 'gone'
    } catch (error) {
      problem.value = error instanceof Refused ? error.message : String(error)
    }
  }
  const hide = () => {
    shown.value = null
  }
  const isShown = shown.value !== null && shown.value !== 'gone'
  return (
    <div class="stack">
      <div class="row">
        <button type="button" aria-expanded={isShown} onClick={() => (isShown ? hide() : void show())}>
          {isShown ? T.show.hide : T.show.show}
        </button>
        <span class="soft small">{T.show.note}</span>
      </div>
      {problem.value === null ? null : <p class="problem">{problem.value}</p>}
      {shown.value === 'gone' ? <p class="soft">{T.show.gone}</p> : null}
      {isShown ? <Data result={shown.value as Result} /> : null}
    </div>
  )
}

function Data({ result: { chatRequest, response } }: { result: Result }) {
  const fields = Object.entries(chatRequest ?? {}).filter(([, value]) => value !== null)
  return (
    <dl class="facts">
      {response ? (
        <>
          <dt>{T.show.response}</dt>
          <dd>
            {response.code} {response.description}
          </dd>
        </>
      ) : null}
      {fields.map(([name, value]) => (
        <>
          <dt>{name}</dt>
          <dd>{String(value)}</dd>
        </>
      ))}
      {fields.length === 0 ? <dd>{T.show.nothing}</dd> : null}
    </dl>
  )
}

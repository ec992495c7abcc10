import { useSignal } from '@preact/signals'
import type { TargetedSubmitEvent } from 'preact'
import { FAILURE_CODES } from '../../../domain/failure.ts'
import { RESULT_STATUSES } from '../../../domain/result.ts'
import { fields, isSearching, search } from '../state/find.ts'
import { T } from '../texts.ts'

type Name = keyof typeof T.find.fields

const STATES = ['waiting', 'delayed', 'active', 'dead', 'finished']
const CHOICES: readonly [name: Name, values: readonly string[]][] = [
  ['queue', ['lookup', 'interactive']],
  ['failure', FAILURE_CODES],
  ['result', RESULT_STATUSES],
]
const TEXTS = ['correlationId', 'producer', 'fault', 'httpStatus', 'responseCode'] as const
/** Of a lookup that has ended, since its end; of any other, since it was enqueued. */
const AGES = ['olderThanMs', 'newerThanMs'] as const
const MORE: readonly Name[] = [...TEXTS, ...AGES, 'queue', 'failure', 'result']

export function FindForm() {
  const submit = (event: TargetedSubmitEvent<HTMLFormElement>) => {
    event.preventDefault()
    void search()
  }
  return (
    <search>
      <form class="card stack" onSubmit={submit} autocomplete="off">
        <div class="fields">
          <Text name="connectionId" id="search" isWide />
          <Choice name="state" values={STATES} />
          <button type="submit" class="main" disabled={isSearching.value}>
            {T.find.submit}
          </button>
        </div>
        <More />
      </form>
    </search>
  )
}

/** Open whenever one of them is set: nobody looks for a filter that is not to be seen. */
function More() {
  const isOpened = useSignal(false)
  const isSet = MORE.some((name) => fields.value[name])
  return (
    <details
      open={isSet || isOpened.value}
      onToggle={({ currentTarget }) => {
        if (!currentTarget.open && MORE.some((name) => fields.value[name])) currentTarget.open = true
        isOpened.value = currentTarget.open
      }}
    >
      <summary>{T.find.more}</summary>
      <div class="fields">
        {TEXTS.map((name) => (
          <Text key={name} name={name} />
        ))}
        {AGES.map((name) => (
          <Age key={name} name={name} />
        ))}
        {CHOICES.map(([name, values]) => (
          <Choice key={name} name={name} values={values} />
        ))}
      </div>
    </details>
  )
}

function set(name: Name, value: string): void {
  fields.value = { ...fields.value, [name]: value }
}

function Text({ name, id, isWide }: { name: Name; id?: string; isWide?: boolean }) {
  return (
    <label class={isWide ? 'wide' : ''}>
      {T.find.fields[name]}
      <input
        {...(id && { id })}
        type="text"
        spellcheck={false}
        value={fields.value[name] ?? ''}
        onInput={(event) => set(name, event.currentTarget.value.trim())}
      />
    </label>
  )
}

const MINUTE_MS = 60_000

function Age({ name }: { name: (typeof AGES)[number] }) {
  const { [name]: ms } = fields.value
  return (
    <label>
      {T.find.inMinutes(T.find.fields[name])}
      <input
        type="number"
        min="0"
        max="5000000"
        step="any"
        value={ms ? Number(ms) / MINUTE_MS : ''}
        onInput={({ currentTarget: { value } }) =>
          set(name, value === '' ? '' : String(Math.round(Number(value) * MINUTE_MS)))
        }
      />
    </label>
  )
}

function Choice({ name, values }: { name: Name; values: readonly string[] }) {
  return (
    <label>
      {T.find.fields[name]}
      <select value={fields.value[name] ?? ''} onChange={(event) => set(name, event.currentTarget.value)}>
        <option value="">{T.find.any}</option>
        {values.map((value) => (
          <option key={value} value={value}>
            {value}
          </option>
        ))}
      </select>
    </label>
  )
}

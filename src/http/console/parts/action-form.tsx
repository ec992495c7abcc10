import { useSignal } from '@preact/signals'
import type { TargetedSubmitEvent } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { type Action, type Field, type Input, leave, type Plan, stoppedBy, TYPED_ABOVE } from '../state/action.ts'
import { isUnknown } from '../state/api.ts'
import { may } from '../state/session.ts'
import { T } from '../texts.ts'
import { CopyText } from './copy-text.tsx'

/** First what it will do; then the way to do it here, and the command that does the same. */
export function ActionForm({ action }: { action: Action }) {
  const form = useForm(action)
  return (
    <form class="stack" onSubmit={(event) => void form.submit(event)}>
      <h2 id="dialog-title">{action.title}</h2>
      {form.ended.value === null ? (
        <Question action={action} form={form} />
      ) : (
        <>
          <p role="status">{form.ended.value}</p>
          <div class="row">
            <button type="button" class="main" onClick={leave} autofocus>
              {T.actions.close}
            </button>
          </div>
        </>
      )}
    </form>
  )
}

type Form = ReturnType<typeof useForm>

function useForm(action: Action) {
  const input = useSignal<Input>(Object.fromEntries((action.fields ?? []).map(({ name, value }) => [name, value])))
  const plan = useSignal<Plan | null>(null)
  const problem = useSignal<string | null>(null)
  const ended = useSignal<string | null>(null)
  const typed = useSignal('')
  const isBusy = useSignal(false)
  const asked = useRef(0)
  const replan = () => {
    const mine = ++asked.current
    // An answer to what was in the form before is not shown any more.
    const planned = (made: Plan | null, says: string | null) => {
      if (mine !== asked.current) return
      plan.value = made
      problem.value = says
    }
    action.plan(input.value).then(
      (made) => planned(made, null),
      (error: Error) => planned(null, error.message),
    )
  }
  useEffect(replan, [action, stoppedBy.value])
  const set = (name: string, value: string) => {
    input.value = { ...input.value, [name]: value }
    if (name !== 'reason') replan()
  }
  const submit = async (event: TargetedSubmitEvent<HTMLFormElement>) => {
    event.preventDefault()
    problem.value = null
    isBusy.value = true
    try {
      ended.value = await action.run(input.value, plan.value?.count ?? null)
    } catch (error) {
      problem.value = isUnknown(error) ? T.actions.unknown : (error as Error).message
    }
    isBusy.value = false
  }
  return { input, plan, problem, ended, typed, isBusy, set, submit }
}

function Question({ action, form }: { action: Action; form: Form }) {
  const { plan, problem, typed, isBusy } = form
  const count = plan.value?.count ?? null
  const isTyped = count === null || count <= TYPED_ABOVE || typed.value.replace(/\D/g, '') === String(count)
  const mayBeDone = may(action.role) && plan.value !== null && !plan.value.refused && isTyped && count !== 0
  return (
    <>
      {plan.value === null && problem.value !== null ? null : <Planned plan={plan.value} />}
      {(action.fields ?? []).map((field) => (
        <FieldOf key={field.name} field={field} form={form} />
      ))}
      {count !== null && count > TYPED_ABOVE ? (
        <label>
          {T.actions.type(count)}
          <input
            inputMode="numeric"
            value={typed.value}
            onInput={(event) => (typed.value = event.currentTarget.value)}
          />
        </label>
      ) : null}
      <CopyText label={T.actions.command} text={action.command(form.input.value)} />
      {problem.value === null ? null : (
        <p class="problem" role="alert">
          {problem.value}
        </p>
      )}
      {may(action.role) ? null : <p class="notice">{T.actions.noRole(action.role)}</p>}
      <p role="status" hidden={!isBusy.value}>
        {isBusy.value ? T.actions.busy : ''}
      </p>
      <div class="row">
        <button type="submit" class={action.isGrave ? 'grave' : 'main'} disabled={!mayBeDone || isBusy.value}>
          {action.verb}
        </button>
        <button type="button" onClick={leave}>
          {isBusy.value ? T.actions.close : T.actions.leave}
        </button>
      </div>
    </>
  )
}

function Planned({ plan }: { plan: Plan | null }) {
  if (!plan) return <p aria-live="polite">{T.actions.planning}</p>
  return (
    <div class="stack" aria-live="polite">
      {plan.lines.map((line) => (
        <p key={line}>{line}</p>
      ))}
      {plan.sample && plan.sample.length > 0 ? (
        <details>
          <summary>{T.actions.sample(plan.sample.length)}</summary>
          <pre>{plan.sample.join('\n')}</pre>
        </details>
      ) : null}
      {(plan.warnings ?? []).map((warning) => (
        <p key={warning} class="notice">
          {warning}
        </p>
      ))}
      {plan.refused ? <p class="notice">{plan.refused}</p> : null}
    </div>
  )
}

function FieldOf({ field, form }: { field: Field; form: Form }) {
  const { name, label, type, min, max, isNeeded } = field
  if (type === 'check') {
    const change = (checked: boolean) => form.set(name, checked ? 'yes' : '')
    return (
      <label class="check">
        <input type="checkbox" onChange={(event) => change(event.currentTarget.checked)} />
        {label}
      </label>
    )
  }
  return (
    <label>
      {label}
      <input
        {...(type === 'number' ? { type: 'number' as const } : {})}
        name={name}
        min={min}
        max={max}
        required={isNeeded ?? false}
        maxLength={200}
        value={form.input.value[name]}
        onInput={(event) => form.set(name, event.currentTarget.value)}
      />
    </label>
  )
}

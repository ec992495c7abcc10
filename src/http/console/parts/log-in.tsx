import { useSignal } from '@preact/signals'
import type { TargetedSubmitEvent } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { Refused } from '../state/api.ts'
import { logIn } from '../state/session.ts'
import { T } from '../texts.ts'

export function LogIn({ hasEnded }: { hasEnded: boolean }) {
  const problem = useSignal<string | null>(null)
  const field = useRef<HTMLInputElement>(null)
  useEffect(() => field.current?.focus(), [])
  const submit = async (event: TargetedSubmitEvent<HTMLFormElement>) => {
    event.preventDefault()
    problem.value = null
    await logIn(field.current?.value ?? '').catch((error: unknown) => {
      problem.value = error instanceof Refused && error.status === 401 ? T.logIn.unknown : T.logIn.failed
      field.current?.select()
    })
  }
  return (
    <main>
      <form class="card stack login" onSubmit={(event) => void submit(event)}>
        <h1>chat-enricher</h1>
        {hasEnded ? <p class="notice">{T.logIn.ended}</p> : null}
        <label>
          {T.logIn.token}
          <input ref={field} type="password" name="token" autocomplete="current-password" required />
        </label>
        {problem.value === null ? null : (
          <p class="problem" role="alert">
            {problem.value}
          </p>
        )}
        <button type="submit" class="main">
          {T.logIn.submit}
        </button>
        <p class="soft small">{T.logIn.help}</p>
      </form>
    </main>
  )
}

import { type Action, askFor } from '../state/action.ts'
import { may } from '../state/session.ts'

/** Not there for whoever may not do it. */
export function ActionButton({ action, words, isGrave }: { action: () => Action; words: string; isGrave?: boolean }) {
  if (!may('operate')) return null
  return (
    <button type="button" class={isGrave ? 'grave' : ''} onClick={() => askFor(action())}>
      {words}
    </button>
  )
}

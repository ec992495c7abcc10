import type { LookupState } from '../../../domain/selection.ts'

/** Only an answer about the chat is a good end. */
const KINDS: Readonly<Record<string, string>> = {
  enriched: 'good',
  'not-found': 'good',
  rejected: 'warn',
  invalid: 'bad',
  failed: 'bad',
}

/** Where a lookup is; of one that is finished, how it ended. */
export function StateOf({ state, result }: { state: LookupState | 'gone'; result: string | null }) {
  const end = state === 'finished' || state === 'gone' ? result : null
  return <span class={`state ${end ? (KINDS[end] ?? '') : state === 'dead' ? 'bad' : ''}`}>{end ?? state}</span>
}

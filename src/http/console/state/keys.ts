/** `/` goes to the search. Esc closes a dialog by itself. */

import { go, view } from './route.ts'

/** Returns what stops it. */
export function onKeys(): () => void {
  addEventListener('keydown', onKey)
  return () => removeEventListener('keydown', onKey)
}

function onKey(event: KeyboardEvent): void {
  if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return
  if (document.querySelector('dialog[open]')) return
  event.preventDefault()
  if (view.value !== 'find') go('find')
  requestAnimationFrame(() => requestAnimationFrame(() => document.getElementById('search')?.focus()))
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.matches('input, select, textarea')
}

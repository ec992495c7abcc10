/** `/` goes to the search. Esc closes a lookup's story; a dialog closes by itself. */

import { shownLookup, startAnew } from './find.ts'
import { go, view } from './route.ts'

const A_SECOND = 60

/** Returns what stops it. */
export function onKeys(): () => void {
  addEventListener('keydown', onKey)
  return () => removeEventListener('keydown', onKey)
}

function onKey(event: KeyboardEvent): void {
  if (document.querySelector('dialog[open]')) return
  if (event.key === 'Escape') shownLookup.value = null
  if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return
  event.preventDefault()
  if (view.value !== 'find') {
    startAnew()
    go('find')
  }
  focusSearch(A_SECOND)
}

/** Once the view is there, which may take a busy browser some frames. */
function focusSearch(frames: number): void {
  requestAnimationFrame(() => {
    const search = document.getElementById('search')
    if (search) search.focus()
    else if (frames > 0) focusSearch(frames - 1)
  })
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.matches('input, select, textarea')
}

/** Which view is shown. It stands behind the `#`, and nothing else does: no id of a lookup or of a customer. */

import { signal } from '@preact/signals'

export const VIEWS = ['now', 'find', 'dead-letters', 'service', 'fleet', 'activity'] as const
export type View = (typeof VIEWS)[number]

export const view = signal<View>(viewOf(location.hash))

export function go(to: View): void {
  location.hash = `#/${to}`
}

addEventListener('hashchange', () => {
  view.value = viewOf(location.hash)
})

function viewOf(hash: string): View {
  const name = hash.replace(/^#\/?/, '')
  return VIEWS.find((one) => one === name) ?? 'now'
}

import { T } from '../texts.ts'

export function DeadLettersView() {
  return <h2>{T.views['dead-letters']}</h2>
}

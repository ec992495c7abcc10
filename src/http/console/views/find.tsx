import { T } from '../texts.ts'

export function FindView() {
  return <h2>{T.views.find}</h2>
}

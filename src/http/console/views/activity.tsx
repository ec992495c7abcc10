import { T } from '../texts.ts'

export function ActivityView() {
  return <h2>{T.views.activity}</h2>
}

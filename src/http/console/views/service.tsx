import { T } from '../texts.ts'

export function ServiceView() {
  return <h2>{T.views.service}</h2>
}

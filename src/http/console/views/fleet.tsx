import { T } from '../texts.ts'

export function FleetView() {
  return <h2>{T.views.fleet}</h2>
}

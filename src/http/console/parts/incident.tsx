import { history } from '../state/history.ts'
import { incidentOf } from '../state/incident.ts'
import { status } from '../state/live.ts'
import { T } from '../texts.ts'
import { CopyText } from './copy-text.tsx'

/** For the service's owner. */
export function Incident() {
  if (!status.value || !history.value) return null
  return (
    <section class="card stack">
      <h3>{T.incident.title}</h3>
      <p class="soft small">{T.incident.note}</p>
      <CopyText label={T.incident.label} text={incidentOf(status.value, history.value)} />
    </section>
  )
}

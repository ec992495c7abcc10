import type { FleetStatus } from '../../../fleet/status.ts'
import { askFor, type Plan } from '../state/action.ts'
import { commandOf, quoted } from '../state/command.ts'
import { fields, shownLookup } from '../state/find.ts'
import { status } from '../state/live.ts'
import { may } from '../state/session.ts'
import { lookUp } from '../state/story.ts'
import { stopsOf } from '../state/verdict.ts'
import { T } from '../texts.ts'

function planOf(status: FleetStatus | null): Plan {
  const isHeld = status?.serviceProblem === null && status.holds.length > 0
  const stops = status ? stopsOf(status) : []
  return {
    lines: [T.lookUp.would, ...(isHeld ? [T.lookUp.held] : [])],
    warnings: stops.map(({ means }) => means),
    count: null,
  }
}

/** Asks the service for the connection id that stands in the search, before all that wait in the batch queue. */
export function LookUpNow() {
  const connectionId = fields.value.connectionId ?? ''
  if (!may('enqueue') || connectionId === '') return null
  const action = () =>
    askFor({
      ...{ title: T.lookUp.title, verb: T.lookUp.verb, role: 'enqueue' },
      plan: async () => planOf(status.value),
      command: () => commandOf('enqueue', {}, [quoted(connectionId), '--interactive', '--wait']),
      run: async () => {
        shownLookup.value = await lookUp(connectionId)
        return T.lookUp.done
      },
    })
  return (
    <div class="row">
      <button type="button" onClick={action}>
        {T.lookUp.words}
      </button>
      <span class="soft small">{T.lookUp.note}</span>
    </div>
  )
}

import { Certificates } from '../parts/certificates.tsx'
import { HoldActions } from '../parts/hold-actions.tsx'
import { HoldLine } from '../parts/hold-line.tsx'
import { HoldList } from '../parts/hold-list.tsx'
import { Incident } from '../parts/incident.tsx'
import { Kinds } from '../parts/kinds.tsx'
import { status } from '../state/live.ts'
import { T } from '../texts.ts'

export function ServiceView() {
  const problem = status.value?.serviceProblem ?? null
  return (
    <>
      <div class="row between">
        <h2>{T.views.service}</h2>
        <HoldActions />
      </div>
      {problem === null ? null : <p class="notice">{problem}</p>}
      <HoldList />
      <HoldLine />
      <Kinds />
      <Certificates />
      <Incident />
    </>
  )
}

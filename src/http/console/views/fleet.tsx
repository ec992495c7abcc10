import { ActionButton } from '../parts/action-button.tsx'
import { Members } from '../parts/members.tsx'
import { Producers } from '../parts/producers.tsx'
import { Queues } from '../parts/queues.tsx'
import { limitAction, limitsNow, resetLimitAction } from '../state/fleet-actions.ts'
import { status } from '../state/live.ts'
import { T } from '../texts.ts'

export function FleetView() {
  const { value } = status
  const isSet = value?.serviceProblem === null && Object.keys(value.limitsSet).length > 0
  return (
    <>
      <div class="row between">
        <h2>{T.views.fleet}</h2>
        <div class="row">
          {value?.serviceProblem === null ? <ActionButton action={limitAction} words={T.limit.words} /> : null}
          {isSet ? <ActionButton action={resetLimitAction} words={T.limit.resetWords} /> : null}
        </div>
      </div>
      {value ? (
        <>
          {limitsNow().map((line) => (
            <p key={line} class="soft small">
              {line}
            </p>
          ))}
          <Members status={value} />
          <Queues status={value} />
          <Producers status={value} />
        </>
      ) : (
        <p aria-busy="true">{T.now.loading}</p>
      )}
    </>
  )
}

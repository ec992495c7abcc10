import { useEffect } from 'preact/hooks'
import { ActionButton } from '../parts/action-button.tsx'
import { DeadLetterGroups } from '../parts/dead-letter-groups.tsx'
import { LastRedrives } from '../parts/last-redrives.tsx'
import { Running } from '../parts/running.tsx'
import { deadLetters, readDeadLetters } from '../state/dead-letters.ts'
import { status, trouble } from '../state/live.ts'
import { lookupAction } from '../state/lookup-actions.ts'
import { running } from '../state/running.ts'
import { T } from '../texts.ts'

export function DeadLettersView() {
  const dead = (status.value?.queues ?? []).slice(0, 2).reduce((sum, { jobs }) => sum + jobs.failed, 0)
  const isActing = running.value.some(({ state }) => state === 'running')
  const isAway = trouble.value !== null
  // Read anew when their number has changed, an action has ended, or a trouble; while one runs, its own progress tells.
  useEffect(() => {
    if (!isActing && !isAway) void readDeadLetters()
  }, [dead, isActing, isAway])
  return (
    <>
      <div class="row between">
        <div>
          <h2>{T.views['dead-letters']}</h2>
          <p class="soft">{T.dead.what}</p>
        </div>
        {deadLetters.value && deadLetters.value.groups.length > 1 ? (
          <ActionButton
            action={() => lookupAction('redrive', { selection: { all: true } })}
            words={T.dead.redriveAll}
          />
        ) : null}
      </div>
      <Running />
      <DeadLetterGroups />
      <LastRedrives />
    </>
  )
}

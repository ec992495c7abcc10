import type { SaidByService } from '../../../intake/lookup-story.ts'
import type { Story } from '../state/story.ts'
import { moment } from '../state/time.ts'
import { T } from '../texts.ts'

/** What happened, in its order, as far as it is known. */
export function StorySteps({ story }: { story: Story }) {
  return (
    <ol class="steps">
      {stepsOf(story).map((step) => (
        <li key={step}>{step}</li>
      ))}
    </ol>
  )
}

function stepsOf({
  enqueuedAt,
  producer,
  redrive,
  taken,
  stalls,
  history,
  lastFailure,
  end,
  waits,
  dueAt,
  state,
}: Story): string[] {
  const steps = [T.story.enqueued(enqueuedAt === null ? null : moment(enqueuedAt), producer)]
  if (redrive > 0) steps.push(T.story.redriven(redrive))
  if (taken > 0) steps.push(T.story.taken(taken))
  if (stalls > 0) steps.push(T.story.stalled(stalls))
  if (end) {
    // Of one that failed, its end says what the last failure was.
    if (lastFailure && end.status !== 'failed') steps.push(T.story.before(whyOf(lastFailure)))
    const why = whyOf(end) || null
    steps.push(
      T.story.ended(end.finishedAt === null ? null : moment(end.finishedAt), end.status, why, end.calls, end.attempts),
    )
    return steps
  }
  if (history && history.failures > 0) steps.push(T.story.failed(history.failures, history.calls, history.charged))
  if (lastFailure) steps.push(T.story.lastFailure(whyOf(lastFailure)))
  if (waits) steps.push(T.waits(waits, dueAt === null ? null : moment(dueAt)))
  else if (state === 'active') steps.push(T.story.active)
  return steps
}

/** With what the service answered; '' where there is nothing to say. */
function whyOf(of: SaidByService & { code: string | null; message: string | null }): string {
  return [of.code === null ? '' : T.failure(of.code, of.message), T.story.said(of)].filter(Boolean).join('; ')
}

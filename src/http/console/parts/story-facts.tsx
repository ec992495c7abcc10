import type { Story } from '../state/story.ts'
import { moment } from '../state/time.ts'
import { T } from '../texts.ts'

export function StoryFacts({ story }: { story: Story }) {
  const { lookupId, queue, correlationId, deliver, keptUntil, resultIsThere, result } = story
  const where =
    result === null ? T.story.noResult : T.story.where(resultIsThere, deliver, keptUntil && moment(keptUntil))
  return (
    <dl class="facts">
      <dt>{T.story.lookupId}</dt>
      <dd class="mono">{lookupId}</dd>
      <dt>{T.story.queue}</dt>
      <dd>{queue}</dd>
      {correlationId === null ? null : (
        <>
          <dt>{T.find.fields.correlationId}</dt>
          <dd class="mono">{correlationId}</dd>
        </>
      )}
      <dt>{T.story.result}</dt>
      <dd>{where}</dd>
    </dl>
  )
}

import { seconds } from '../../../domain/figures.ts'
import { PHASES } from '../../../domain/timing.ts'
import type { Story } from '../state/story.ts'
import { T } from '../texts.ts'

/** Where its time went, as parts of a bar. The parts are sums: a lookup may be paced and called more than once. */
export function TimeBar({ story: { timing } }: { story: Story }) {
  if (!timing) return <p class="soft">{T.story.noTiming}</p>
  const parts = PHASES.map((phase) => ({ phase, ms: timing[`${phase}Ms`] })).filter(({ ms }) => ms > 0)
  const all = parts.reduce((sum, { ms }) => sum + ms, 0)
  const words = parts.map(({ phase, ms }) => `${T.phases.names[phase]} ${seconds(ms)}`)
  return (
    <div>
      <div class="bar" role="img" aria-label={T.story.bar(words.join(', '))}>
        {parts.map(({ phase, ms }) => (
          <span key={phase} class={`part-${phase}`} style={{ width: `${(100 * ms) / all}%` }} />
        ))}
      </div>
      <ul class="legend">
        {parts.map(({ phase, ms }) => (
          <li key={phase}>
            <span class={`swatch part-${phase}`} />
            {T.phases.names[phase]} <strong>{seconds(ms)}</strong>
          </li>
        ))}
      </ul>
    </div>
  )
}

import { status } from '../state/live.ts'
import { day, now } from '../state/time.ts'
import { T } from '../texts.ts'

const KINDS = { good: 'good', soon: 'warn', over: 'bad' } as const

/** How long the service's certificate is valid, as workers have seen it: one line for each host. */
export function Certificates() {
  const members = status.value?.members
  if (!members) return null
  const seen = T.certificate.inWords(members, now.value)
  return (
    <section class="card stack">
      <h3>{T.certificate.title}</h3>
      {seen.length === 0 ? <p class="soft">{T.certificate.none}</p> : null}
      {seen.map(({ host, expiresAt, state, says }) => (
        <p key={host} class="row">
          <span class={`state ${KINDS[state]}`}>{T.certificate.states[state]}</span>
          <span>
            {says} <span class="soft">({T.certificate.until(day(expiresAt))})</span>
          </span>
        </p>
      ))}
    </section>
  )
}

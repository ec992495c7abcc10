import { startAnew } from '../state/find.ts'
import { isPaused, isStale, seenAt, status, trouble } from '../state/live.ts'
import { VIEWS, type View, view } from '../state/route.ts'
import { isLoggedIn, logOut, may, session } from '../state/session.ts'
import { clock, now, span } from '../state/time.ts'
import { T } from '../texts.ts'

export function Head() {
  return (
    <header class="head">
      <h1>chat-enricher</h1>
      <nav aria-label={T.frame.views}>
        {VIEWS.map((name) => (
          <a
            key={name}
            href={`#/${name}`}
            {...(name === 'find' && { onClick: startAnew })}
            {...(view.value === name && { 'aria-current': 'page' as const })}
          >
            {T.views[name]}
            <Count of={name} />
          </a>
        ))}
      </nav>
      <div class="rest">
        {may('view') ? <LiveAndPause /> : null}
        <Who />
      </div>
    </header>
  )
}

/** How many wait for somebody to look at them. Its place is there without any: the links beside it do not move under a finger. */
function Count({ of }: { of: View }) {
  if (of !== 'dead-letters') return null
  const dead = (status.value?.queues ?? []).slice(0, 2).reduce((sum, { jobs }) => sum + jobs.failed, 0)
  return <span class="counts">{dead === 0 ? null : <span class="count">{T.figure(dead)}</span>}</span>
}

function LiveAndPause() {
  return (
    <>
      <Live />
      <button type="button" aria-pressed={isPaused.value} onClick={() => (isPaused.value = !isPaused.value)}>
        {isPaused.value ? T.frame.goOn : T.frame.pause}
      </button>
    </>
  )
}

function Live() {
  const [kind, words] = howLive()
  return (
    <span class="live" role="status">
      <span class={`state ${kind}`}>{words}</span>
    </span>
  )
}

function howLive(): [kind: string, words: string] {
  const { value: at } = seenAt
  if (isPaused.value) return ['warn', T.frame.paused(at === null ? null : clock(at))]
  if (at === null) return trouble.value ? ['bad', T.frame.noAnswer] : ['', T.frame.connecting]
  if (isStale.value) return ['bad', T.frame.stale(clock(at), span(now.value - at))]
  return ['good', T.frame.live]
}

function Who() {
  const { value } = session
  if (typeof value !== 'object' || value === null) return null
  if (!isLoggedIn()) return <span>{T.frame.local}</span>
  return (
    <>
      <span title={value.roles.join(', ')}>{value.name}</span>
      <button type="button" onClick={() => void logOut()}>
        {T.frame.logOut}
      </button>
    </>
  )
}

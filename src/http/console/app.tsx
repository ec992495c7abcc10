/** The frame: who looks, where they are, how live it is; and the view itself. */

import { useEffect } from 'preact/hooks'
import { Dialog } from './parts/dialog.tsx'
import { Head } from './parts/head.tsx'
import { LogIn } from './parts/log-in.tsx'
import { Trouble } from './parts/trouble.tsx'
import { history } from './state/history.ts'
import { onKeys } from './state/keys.ts'
import { hasBegun, isWatching } from './state/live.ts'
import { type View, view } from './state/route.ts'
import { may, session } from './state/session.ts'
import { zoneName } from './state/time.ts'
import { T } from './texts.ts'
import { ActivityView } from './views/activity.tsx'
import { DeadLettersView } from './views/dead-letters.tsx'
import { FindView } from './views/find.tsx'
import { FleetView } from './views/fleet.tsx'
import { NowView } from './views/now.tsx'
import { ServiceView } from './views/service.tsx'

const VIEWS: Readonly<Record<View, () => preact.JSX.Element>> = {
  now: NowView,
  find: FindView,
  'dead-letters': DeadLettersView,
  service: ServiceView,
  fleet: FleetView,
  activity: ActivityView,
}

export function App() {
  useEffect(onKeys, [])
  const { value } = session
  if (value === null) return <main aria-busy="true" />
  if (value === 'none' || value === 'ended') return <LogIn hasEnded={value === 'ended'} />
  return hasBegun.value || !isWatching.value ? <Frame /> : <main aria-busy="true" />
}

/** Its foot comes with the charts, which would move it. */
function Frame() {
  const Shown = VIEWS[view.value]
  useEffect(() => {
    document.title = `${T.views[view.value]} · chat-enricher`
  }, [view.value])
  return (
    <>
      <a class="skip" href="#main">
        {T.frame.skip}
      </a>
      <Head />
      <main id="main" tabIndex={-1}>
        <Trouble />
        {may('view') ? <Shown key={view.value} /> : <p class="notice">{T.frame.noView}</p>}
      </main>
      {history.value || !may('view') ? <footer>{T.frame.zone(zoneName())}</footer> : null}
      <Dialog />
    </>
  )
}

import { seenAt, trouble } from '../state/live.ts'
import { clock } from '../state/time.ts'
import { T } from '../texts.ts'

/** What keeps the page from knowing anything new. It lies over the page: what somebody reads or is about to click must not move. */
export function Trouble() {
  const { value: what } = trouble
  const since = seenAt.value === null ? '' : ` ${T.trouble.shown(clock(seenAt.value))}`
  return (
    <div role="alert" class={what === null ? '' : 'problem trouble'} hidden={what === null}>
      {what === null ? '' : T.trouble[what] + since}
    </div>
  )
}

import { seenAt, trouble } from '../state/live.ts'
import { clock } from '../state/time.ts'
import { T } from '../texts.ts'

/** What keeps the page from knowing anything new. */
export function Trouble() {
  const { value: what } = trouble
  const since = seenAt.value === null ? '' : ` ${T.trouble.shown(clock(seenAt.value))}`
  return (
    <div role="alert" class={what === null ? '' : 'problem'} hidden={what === null}>
      {what === null ? '' : T.trouble[what] + since}
    </div>
  )
}

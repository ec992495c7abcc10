import { seenAt, trouble } from '../state/live.ts'
import { clock } from '../state/time.ts'
import { T } from '../texts.ts'

/** What keeps the page from knowing anything new. It lies over the page: what somebody reads or is about to click must not move. */
export function Trouble() {
  const { value: what } = trouble
  return (
    <div role="alert" class={what === null ? '' : 'problem trouble'} hidden={what === null}>
      {what === null ? '' : T.trouble[what] + since()}
    </div>
  )
}

/** Only where there is trouble: the first time of day that a page writes takes 40 ms. */
function since(): string {
  return seenAt.value === null ? '' : ` ${T.trouble.shown(clock(seenAt.value))}`
}

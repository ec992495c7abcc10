import { holdAction, releaseAction } from '../state/fleet-actions.ts'
import { status } from '../state/live.ts'
import { T } from '../texts.ts'
import { ActionButton } from './action-button.tsx'

export function HoldActions() {
  const { value } = status
  if (!value || value.serviceProblem !== null) return null
  const isSlowed = value.holds.length > 0 || value.pace !== null
  const codes = value.holds.flatMap(({ kind }) => (kind?.startsWith('code:') ? [Number(kind.slice(5))] : []))
  return (
    <div class="row">
      {codes.map((code) => (
        <ActionButton key={code} action={() => releaseAction(code)} words={T.release.accept(code)} />
      ))}
      {isSlowed ? <ActionButton action={() => releaseAction()} words={T.release.words} /> : null}
      <ActionButton action={holdAction} words={T.hold.words} isGrave />
    </div>
  )
}

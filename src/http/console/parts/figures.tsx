import type { ComponentChildren } from 'preact'

export interface Figure {
  label: string
  value: string
  unit?: string
  /** What good is, or what it is a part of. */
  note: string
  state?: 'good' | 'warn' | 'bad'
}

export function Figures({ of }: { of: readonly Figure[] }) {
  return (
    <dl class="card figures">
      {of.map(({ label, value, unit, note, state }) => (
        <div key={label}>
          {/* After the value, the unit would move with the value's width. */}
          <dt>
            {label}
            {unit ? <span class="unit">{unit}</span> : null}
          </dt>
          <dd>
            <Value state={state}>{value}</Value>
          </dd>
          <dd class="note">{note}</dd>
        </div>
      ))}
    </dl>
  )
}

function Value({ state, children }: { state: Figure['state']; children: ComponentChildren }) {
  return <span {...(state && state !== 'good' && { class: `ink-${state}` })}>{children}</span>
}

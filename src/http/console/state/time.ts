/** Times in the reader's zone, which is named. */

import { signal } from '@preact/signals'
import { seconds } from '../../../domain/figures.ts'

const CLOCK = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' })
const MINUTE = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' })
const DAY = new Intl.DateTimeFormat('en-GB', { day: '2-digit', month: 'short' })
const WHOLE_DAY = new Intl.DateTimeFormat('en-GB', { day: '2-digit', month: 'short', year: 'numeric' })
const DAY_AND_CLOCK = new Intl.DateTimeFormat('en-GB', {
  ...{ day: '2-digit', month: 'short' },
  ...{ hour: '2-digit', minute: '2-digit', second: '2-digit' },
})

/** `Europe/Lisbon (UTC+01:00)`. */
export const ZONE = zoneName()

/** This machine's clock, once a second. */
export const now = signal(Date.now())
setInterval(() => {
  if (!document.hidden) now.value = Date.now()
}, 1000)

export function clock(at: number | string): string {
  return CLOCK.format(new Date(at))
}

/** With its year. */
export function day(at: number | string): string {
  return WHOLE_DAY.format(new Date(at))
}

export function minute(at: number | string): string {
  return MINUTE.format(new Date(at))
}

/** With the day where it is not today. */
export function moment(at: number | string | null): string {
  if (at === null) return '–'
  const date = new Date(at)
  return DAY.format(date) === DAY.format(new Date()) ? CLOCK.format(date) : DAY_AND_CLOCK.format(date)
}

export function ago(ms: number): string {
  return `${span(ms)} ago`
}

/** Whole seconds below a minute, because the figure changes while it is read. */
export function span(ms: number): string {
  return ms < 60_000 ? `${Math.max(0, Math.round(ms / 1000))} s` : seconds(ms)
}

function zoneName(): string {
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions()
  const minutes = -new Date().getTimezoneOffset()
  const two = (value: number) => String(Math.trunc(Math.abs(value))).padStart(2, '0')
  const offset = `${minutes < 0 ? '−' : '+'}${two(minutes / 60)}:${two(minutes % 60)}`
  return `${timeZone} (UTC${offset})`
}

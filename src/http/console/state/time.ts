/** Times in the reader's zone, which is named. */

import { signal } from '@preact/signals'
import { seconds } from '../../../domain/figures.ts'

/** Made when it is first used: each takes some milliseconds, and the first sight of the page needs none. */
function format(options: Intl.DateTimeFormatOptions): (at: number | string | Date) => string {
  let made: Intl.DateTimeFormat | undefined
  return (at) => {
    made ??= new Intl.DateTimeFormat('en-GB', options)
    return made.format(new Date(at))
  }
}

const CLOCK = { hour: '2-digit', minute: '2-digit', second: '2-digit' } as const
const DAY = { day: '2-digit', month: 'short' } as const

export const clock = format(CLOCK)
export const minute = format({ hour: '2-digit', minute: '2-digit' })
/** With its year. */
export const day = format({ ...DAY, year: 'numeric' })
const dayOnly = format(DAY)
const dayAndClock = format({ ...DAY, ...CLOCK })

/** This machine's clock, once a second. */
export const now = signal(Date.now())
setInterval(() => {
  if (!document.hidden) now.value = Date.now()
}, 1000)

/** With the day where it is not today. */
export function moment(at: number | string | null): string {
  if (at === null) return '–'
  return dayOnly(at) === dayOnly(new Date()) ? clock(at) : dayAndClock(at)
}

export function ago(ms: number): string {
  return `${span(ms)} ago`
}

/** Whole seconds below a minute, because the figure changes while it is read. */
export function span(ms: number): string {
  return ms < 60_000 ? `${Math.max(0, Math.round(ms / 1000))} s` : seconds(ms)
}

/** `Europe/Lisbon (UTC+01:00)`. */
export function zoneName(): string {
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions()
  const minutes = -new Date().getTimezoneOffset()
  const two = (value: number) => String(Math.trunc(Math.abs(value))).padStart(2, '0')
  const offset = `${minutes < 0 ? '−' : '+'}${two(minutes / 60)}:${two(minutes % 60)}`
  return `${timeZone} (UTC${offset})`
}

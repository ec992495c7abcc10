import { fromIso, now } from '../clock.ts'

/** HTTP dates in their three forms (RFC 9110, 5.6.7) begin with a day's name. */
const HTTP_DATE = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? [\w :-]+$/

/** `Retry-After` in milliseconds from now, cut to `maxMs`; null if there is none that can be read. */
export function readRetryAfter(header: string | null, maxMs: number): number | null {
  const text = header?.trim() ?? ''
  const ms = /^\d+$/.test(text) ? Number(text) * 1_000 : HTTP_DATE.test(text) ? fromHttpDate(text) - now() : Number.NaN
  return Number.isNaN(ms) ? null : Math.round(Math.min(Math.max(ms, 0), maxMs))
}

/** Not ISO 8601, but the engine reads it; the form without a zone is in GMT like the others. */
function fromHttpDate(text: string): number {
  return fromIso(text.endsWith(' GMT') ? text : `${text} GMT`)
}

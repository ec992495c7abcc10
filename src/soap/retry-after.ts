import { fromIso, now } from '../clock.ts'

/** HTTP dates in their three forms (RFC 9110, 5.6.7) begin with a day's name. */
const HTTP_DATE = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? [\w :-]+$/

/**
 * `Retry-After` in milliseconds from now, at most `maxMs`; null if none can be read. A date is compared with the answer's
 * own `Date`, because both are of the server's clock; if the answer has none, with our clock.
 */
export function readRetryAfter(header: string | null, maxMs: number, date: string | null = null): number | null {
  if (header === null) return null // nearly always
  const text = header.trim()
  const ms = /^\d+$/.test(text) ? Number(text) * 1_000 : untilHttpDate(text, date)
  return Number.isNaN(ms) ? null : Math.round(Math.min(Math.max(ms, 0), maxMs))
}

function untilHttpDate(text: string, date: string | null): number {
  const sent = readHttpDate(date?.trim() ?? '')
  return readHttpDate(text) - (Number.isNaN(sent) ? now() : sent)
}

/**
 * These dates are not ISO 8601, but the engine reads them. The form without a zone is GMT like the others. NaN if it is
 * no date.
 */
function readHttpDate(text: string): number {
  if (!HTTP_DATE.test(text)) return Number.NaN
  return fromIso(text.endsWith(' GMT') ? text : `${text} GMT`)
}

/** XML Schema's int and dateTime, as far as a .NET service writes them. Undefined: the text is none. */

const INT_MIN = -2_147_483_648
const INT_MAX = 2_147_483_647

export function readInt(text: string): number | undefined {
  const digits = collapse(text)
  if (!/^[+-]?\d+$/.test(digits)) return undefined
  const value = Number(digits) + 0 // -0 is 0
  return value >= INT_MIN && value <= INT_MAX ? value : undefined
}

const DATE_TIME =
  /^(?<year>\d{4})-(?<month>\d\d)-(?<day>\d\d)T(?<time>\d\d:[0-5]\d:[0-5]\d)(?<fraction>\.\d+)?(?:Z|[+-](?<offset>\d\d:[0-5]\d))?$/
/** .NET's DateTime.MinValue: what a date that was never set looks like, in any zone. */
const LEAST = /^0001-01-01T00:00:00(?:\.0+)?(?:Z|[+-]\d\d:\d\d)?$/
const DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

/** The service's own text, its offset or lack of one kept; null for .NET's least date. */
export function readDateTime(text: string): string | null | undefined {
  const dateTime = collapse(text)
  const parts = DATE_TIME.exec(dateTime)?.groups
  if (!parts || !isOnCalendar(parts) || !isOfDay(parts)) return undefined
  return LEAST.test(dateTime) ? null : dateTime
}

type Parts = Record<string, string | undefined>

function isOnCalendar({ year, month, day }: Parts): boolean {
  const leap = Number(year) % 4 === 0 && (Number(year) % 100 !== 0 || Number(year) % 400 === 0)
  const days = (DAYS[Number(month) - 1] ?? 0) + (leap && month === '02' ? 1 : 0)
  return Number(year) >= 1 && Number(day) >= 1 && Number(day) <= days
}

function isOfDay({ time = '', fraction = '', offset = '00:00' }: Parts): boolean {
  // XML Schema allows midnight as the day's end; and no place is further than 14 hours off.
  const endOfDay = time === '24:00:00' && !/[1-9]/.test(fraction)
  return (time < '24' || endOfDay) && offset <= '14:00'
}

/** Either type in its longest sensible form, with an indent. The patterns here are not made for more. */
const MAX_LENGTH = 256

/** XML Schema's white space `collapse`, for values that have none inside. Nothing if it is too long to be one. */
function collapse(text: string): string {
  if (text.length > MAX_LENGTH) return ''
  return text.replace(/^[ \t\r\n]+|[ \t\r\n]+$/g, '')
}

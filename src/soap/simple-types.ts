/** XML Schema's int and dateTime, as far as a .NET service writes them. Undefined: the text is no such value. */

const INT_MIN = -2_147_483_648
const INT_MAX = 2_147_483_647

export function readInt(text: string): number | undefined {
  const digits = collapse(text)
  if (!/^[+-]?\d+$/.test(digits)) return undefined
  const value = Number(digits) + 0 // -0 is 0
  return value >= INT_MIN && value <= INT_MAX ? value : undefined
}

/** The first 19 characters have fixed places; a fraction and a zone may follow. */
const DATE_TIME = /^\d{4}-\d\d-\d\dT\d\d:[0-5]\d:[0-5]\d(?:\.\d+)?(?:Z|[+-]\d\d:[0-5]\d)?$/
const SECONDS_END = '2024-03-15T10:20:30'.length
/** .NET's DateTime.MinValue: what a date that was never set looks like, in any zone. */
const LEAST = /^0001-01-01T00:00:00(?:\.0+)?(?:Z|[+-]\d\d:\d\d)?$/
const DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

/** The service's own text, with its offset or without one; null for .NET's least date. */
export function readDateTime(text: string): string | null | undefined {
  const dateTime = collapse(text)
  if (!DATE_TIME.test(dateTime) || !isOnCalendar(dateTime) || !isOfDay(dateTime)) return undefined
  return dateTime.startsWith('0001') && LEAST.test(dateTime) ? null : dateTime
}

function isOnCalendar(dateTime: string): boolean {
  const [year, month, day] = [
    twoDigits(dateTime, 0) * 100 + twoDigits(dateTime, 2),
    twoDigits(dateTime, 5),
    twoDigits(dateTime, 8),
  ]
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
  const days = (DAYS[month - 1] ?? 0) + (leap && month === 2 ? 1 : 0)
  return year >= 1 && day >= 1 && day <= days
}

/** XML Schema allows midnight as the day's end; and no place is further than 14 hours off. */
function isOfDay(dateTime: string): boolean {
  const hour = twoDigits(dateTime, 11)
  const rest = dateTime.slice(SECONDS_END)
  const [, offset = '00:00'] = rest === '' ? [] : rest.split(/[+-]/)
  const isEnd = hour === 24 && dateTime.startsWith(':00:00', 13) && !/[1-9]/.test(rest.split(/[Z+-]/)[0] ?? '')
  return (hour < 24 || isEnd) && offset <= '14:00'
}

/** Character code of `0`, as tens and as ones. */
const ZEROS = 0x30 * 11

function twoDigits(text: string, at: number): number {
  return text.charCodeAt(at) * 10 + text.charCodeAt(at + 1) - ZEROS
}

/** The longest text of either type that makes sense, indented. The patterns here are not made for longer ones. */
const MAX_LENGTH = 256
const AROUND = /^[ \t\r\n]+|[ \t\r\n]+$/g

/**
 * XML Schema's white space `collapse`, for values without white space inside. Empty if the text is too long to be such a
 * value.
 */
function collapse(text: string): string {
  if (text.length > MAX_LENGTH) return ''
  return isSpace(text.charCodeAt(0)) || isSpace(text.charCodeAt(text.length - 1)) ? text.replace(AROUND, '') : text
}

function isSpace(code: number): boolean {
  return code <= 0x20
}

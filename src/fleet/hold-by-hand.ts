/** What a hold by hand says of itself, from whichever face. */

export const HOLD_DEFAULT_MS = 86_400_000
export const HOLD_MAX_MS = 366 * 86_400_000
export const DEFAULT_REASON = 'by hand'
export const REASON_MAX = 200

/** What is wrong with the reason that somebody gave; null: nothing. */
export function problemOfReason(text: string): string | null {
  const hasControls = /\p{Cc}/u.test(text)
  if (!hasControls && text.trim() !== '' && text.length <= REASON_MAX) return null
  const got = text.trim() === '' ? 'none' : hasControls ? 'a control character' : `${text.length}`
  return `expected one line of 1 to ${REASON_MAX} characters, got ${got}`
}

/** What may stand behind the ? of a path. */

import * as z from 'zod'

/** A whole number as text, because a query has nothing else; an empty one is none. */
export function wholeNumber(min: number, max: number, what: string) {
  return z
    .string()
    .regex(/^\d{1,9}$/, `expected ${what}, from ${min} to ${max}`)
    .transform(Number)
    .pipe(
      z
        .int(`expected ${what}, from ${min} to ${max}`)
        .min(min, `expected at least ${min}`)
        .max(max, `expected at most ${max}`),
    )
}

export const yes = z.enum(['true', 'false']).transform((text) => text === 'true')

export const activityQuery = z.strictObject({
  limit: wholeNumber(1, 10_000, 'how many entries').default(100),
})

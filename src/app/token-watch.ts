/** Tells when the file of API_TOKENS does not count, because then a token that somebody took out of it still does. */

import { every } from '../clock.ts'
import type { Tokens } from '../config/tokens.ts'
import type { Observe } from '../domain/event.ts'

/** The file itself is looked at once a second. What is seen twice is no file that is just being written. */
const LOOK_EVERY_MS = 1500

export function watchTokens(tokens: Tokens, observe: Observe): { stop: () => void } {
  let seen: string | null = null
  let told: string | null = null
  return every(LOOK_EVERY_MS, () => {
    const trouble = tokens.trouble()
    if (trouble === seen && trouble !== told) {
      told = trouble
      observe({ type: 'tokens-stale', why: trouble })
    }
    seen = trouble
  })
}

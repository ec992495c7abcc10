/**
 * Regular expressions that somebody wrote, looked for in ids: in bounded time, because one like `(a|a)*b` takes longer than
 * anybody lives over an id that it nearly matches, and nothing else would be answered meanwhile.
 */

import { createContext, Script } from 'node:vm'

/** Far more than any id takes; met once, because a pattern that needs longer is switched off. */
const MAY_TAKE_MS = 1000

// Node can interrupt what runs in a context.
const FIND = new Script('for (at = 0; at < patterns.length; at++) if (patterns[at].test(id)) break')
const NEVER = /(?!)/

export class Patterns {
  readonly #place: { patterns: RegExp[]; id: string; at: number }
  readonly #context

  constructor(sources: readonly string[]) {
    this.#place = { patterns: sources.map((source) => new RegExp(source)), id: '', at: 0 }
    this.#context = createContext(this.#place)
  }

  /** The index of the first that matches, -1 if none does. */
  firstIn(id: string): number {
    const place = this.#place
    place.id = id
    try {
      FIND.runInContext(this.#context, { timeout: MAY_TAKE_MS })
    } catch {
      // Too slow, or too large for the engine.
      place.patterns[place.at] = NEVER
      return -1
    }
    return place.at < place.patterns.length ? place.at : -1
  }
}

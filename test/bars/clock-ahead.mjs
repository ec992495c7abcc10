/** With `node --import`: this process's clock is two hours ahead. */

const AHEAD_MS = 7_200_000
const now = Date.now
const RealDate = Date

Date.now = () => now() + AHEAD_MS
globalThis.Date = class extends RealDate {
  /** @param {...any} args */
  constructor(...args) {
    if (args.length === 0) super(now() + AHEAD_MS)
    else super(...args)
  }
}
globalThis.Date.now = () => now() + AHEAD_MS

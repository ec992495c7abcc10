/** With `node --import`: this process's clock is off by CLOCK_OFF_MS. */

const offMs = Number(process.env.CLOCK_OFF_MS)
const RealDate = Date
const now = RealDate.now

globalThis.Date = class extends RealDate {
  /** @param {...any} args */
  constructor(...args) {
    if (args.length === 0) super(now() + offMs)
    else super(...args)
  }
}
globalThis.Date.now = () => now() + offMs

/** Progress of long work: a bar on a terminal, a line now and then where there is none. */

import { Presets, SingleBar } from 'cli-progress'
import { monotonic } from '../clock.ts'
import { number, say } from './terminal.ts'

export interface Progress {
  update(count: number, done: number): void
  stop(): void
}

const LINE_EVERY_MS = 10_000

/** `total` is what `done` grows to, null if that is not known; `silent` for work too short to be worth it. */
export function progressBar(what: string, total: number | null, silent: boolean): Progress {
  if (silent) return { update: () => {}, stop: () => {} }
  if (!process.stderr.isTTY) return lines(what)
  const known = `{bar} {percentage}% | {count} ${what} | {eta_formatted} left`
  const format = total === null ? `{count} ${what} in {duration_formatted}` : known
  const bar = new SingleBar({ format, hideCursor: true, etaBuffer: 50 }, Presets.shades_classic)
  bar.start(total ?? 0, 0, { count: 0 })
  return {
    update: (count, done) => bar.update(done, { count: number.format(count) }),
    stop: () => bar.stop(),
  }
}

function lines(what: string): Progress {
  let last = monotonic()
  return {
    update: (count) => {
      if (monotonic() - last < LINE_EVERY_MS) return
      last = monotonic()
      say(`${number.format(count)} ${what}`)
    },
    stop: () => {},
  }
}

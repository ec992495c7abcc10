/** Progress of long work: a bar on a terminal, otherwise a line now and then. */

import { Presets, SingleBar } from 'cli-progress'
import { monotonic } from '../../clock.ts'
import type { Io } from './io.ts'
import { number } from './terminal.ts'

export interface Progress {
  update(count: number, done: number): void
  /** Prints a line; if there is a bar, once the bar has stopped. */
  say(text: string): void
  /** Why it stands still, as long as it does: behind the bar, or a line. Null: it goes on. */
  waits(why: string | null): void
  stop(): void
}

/**
 * In a log the first line comes soon after the start, to show that it works; then lines become rarer, because it may take
 * hours.
 */
const FIRST_LINE_MS = 1000
const LINE_EVERY_MS = 30_000

/** `total` is what `done` grows to, null if that is not known; `silent` for work too short to be worth it. */
export function progressBar(io: Io, what: string, total: number | null, silent: boolean): Progress {
  if (silent) return { update: () => {}, say: (text) => io.say(text), waits: waitsIn(io), stop: () => {} }
  return io.stderr.isTTY ? bar(io, what, total) : lines(io, what, total)
}

function bar(io: Io, what: string, total: number | null): Progress {
  const known = `{bar} {percentage}% | {count} ${what} | {eta_formatted} left{why}`
  const format = total === null ? `{count} ${what} in {duration_formatted}{why}` : known
  const shown = new SingleBar(
    { format, stream: io.stderr, hideCursor: true, etaBuffer: 50, gracefulExit: false },
    Presets.shades_classic,
  )
  shown.start(total ?? 0, 0, { count: 0, why: '' })
  const toSay: string[] = []
  return {
    update: (count, done) => shown.update(done, { count: number.format(count) }),
    say: (text) => toSay.push(text),
    waits: (why) => shown.update({ why: why === null ? '' : `; waits: ${why}` }),
    stop: () => {
      shown.stop()
      for (const text of toSay.splice(0)) io.say(text)
    },
  }
}

function lines(io: Io, what: string, total: number | null): Progress {
  let pause = FIRST_LINE_MS
  let last = monotonic()
  return {
    update: (count, done) => {
      if (monotonic() - last < pause) return
      last = monotonic()
      pause = Math.min(pause * 2, LINE_EVERY_MS)
      const share = total ? ` (${Math.floor((100 * done) / total)}%)` : ''
      io.say(`${number.format(count)} ${what}${share}`)
    },
    say: (text) => io.say(text),
    waits: waitsIn(io),
    stop: () => {},
  }
}

/** Once for each time that it waits, however often it is told. */
function waitsIn(io: Io): Progress['waits'] {
  let told: string | null = null
  return (why) => {
    if (why !== null && told === null) io.say(`waits: ${why}`)
    told = why
  }
}

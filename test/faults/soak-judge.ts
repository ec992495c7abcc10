/** Judges what a soak has measured: what grows, where everything should stay as it is. */

import { megabytes, type RedisSample, type WorkerSample } from './soak-samples.ts'

export interface Measured {
  /** Of the time of faults; samples later than that are of the drain. */
  ms: number
  workers: WorkerSample[]
  /** Users of workers that were never ended: they must be among those that are judged. */
  spared: ReadonlySet<string>
  /** Before the load, and when all that is kept for a time is gone. */
  redis: { before: RedisSample; after: RedisSample }
  /** What still stands in Redis for a single lookup, after retention. */
  keysOfLookups: number
  listenerWarnings: number
}

export interface Figure {
  what: string
  before: string
  after: string
  bar: string
  ok: boolean
}

const MEGABYTE = 2 ** 20
const RSS_PART = 0.1
const RSS_BYTES = 20 * MEGABYTE
const DESCRIPTORS = 5
const REDIS_BYTES = 2 * MEGABYTE
const LAG_MS = 100

/** All but the event loop, which says more of the machine than of the product where others use it, too. */
export function figuresOf(measured: Measured): Figure[] {
  const users = [...ofAge(measured)]
  return [
    spared(measured, users),
    ...users.flatMap((user) => ofWorker(measured, user)),
    redisMemory(measured.redis),
    count('keys of lookups in Redis, after retention', measured.keysOfLookups),
    count('warnings that listeners pile up', measured.listenerWarnings),
  ]
}

export function lagFigure({ workers }: Pick<Measured, 'workers'>): Figure {
  const lags = workers.flatMap(({ lagMs }) => lagMs ?? [])
  const worst = lags.length > 0 ? Math.max(...lags) : Number.NaN
  const what = 'event loop, p99 between two samples: median, worst'
  return { what, before: ms(median(lags)), after: ms(worst), bar: `<= ${LAG_MS} ms`, ok: worst <= LAG_MS }
}

/** Those that were there in the first eighth and still are in the last: one that has just started still grows. */
function ofAge({ workers, ms: all }: Measured): Set<string> {
  const since = (from: number, to: number) =>
    new Set(workers.filter(({ atMs }) => atMs >= from && atMs < to).map(({ user }) => user))
  const early = since(0, all / 8)
  return new Set([...since((all * 7) / 8, all)].filter((user) => early.has(user)))
}

function spared({ spared: expected }: Measured, users: string[]): Figure {
  const there = [...expected].filter((user) => users.includes(user)).length
  const bar = `= ${expected.size}`
  const what = 'workers that were never ended, and are of age'
  return { what, before: String(expected.size), after: String(there), bar, ok: there === expected.size }
}

function ofWorker(measured: Measured, user: string): Figure[] {
  const [second, last] = [1, 3].map((quarter) => quarterOf(measured, user, quarter)) as [WorkerSample[], WorkerSample[]]
  const rss = [second, last].map((samples) => median(samples.map(({ rssBytes }) => rssBytes))) as [number, number]
  const heap = [second, last].map((samples) => median(samples.flatMap(({ heapBytes }) => heapBytes ?? [])))
  const open = [second, last].map((samples) => median(samples.map(({ descriptors }) => descriptors))) as [
    number,
    number,
  ]
  const most = rss[0] + Math.max(RSS_BYTES, rss[0] * RSS_PART)
  const [heapBefore = 0, heapAfter = 0] = heap
  return [
    {
      what: `${user}: RSS (heap used)`,
      before: `${megabytes(rss[0])} MB (${megabytes(heapBefore)})`,
      after: `${megabytes(rss[1])} MB (${megabytes(heapAfter)})`,
      bar: `<= ${megabytes(most)} MB`,
      ok: rss[1] <= most,
    },
    {
      what: `${user}: open descriptors`,
      before: String(open[0]),
      after: String(open[1]),
      bar: `± ${DESCRIPTORS}`,
      ok: Math.abs(open[1] - open[0]) <= DESCRIPTORS,
    },
  ]
}

function quarterOf({ workers, ms: all }: Measured, of: string, quarter: number): WorkerSample[] {
  const from = (all * quarter) / 4
  return workers.filter(({ user, atMs }) => user === of && atMs >= from && atMs < from + all / 4)
}

function redisMemory({ before, after }: Measured['redis']): Figure {
  const most = before.usedBytes + REDIS_BYTES
  return {
    what: 'memory of Redis, after retention (keys)',
    before: `${megabytes(before.usedBytes)} MB (${before.keys})`,
    after: `${megabytes(after.usedBytes)} MB (${after.keys})`,
    bar: `<= ${megabytes(most)} MB`,
    ok: after.usedBytes <= most,
  }
}

function count(what: string, got: number): Figure {
  return { what, before: '', after: String(got), bar: '= 0', ok: got === 0 }
}

/** NaN of nothing, which no bar is met by. */
export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = (sorted.length - 1) / 2
  return ((sorted[Math.floor(middle)] ?? Number.NaN) + (sorted[Math.ceil(middle)] ?? Number.NaN)) / 2
}

function ms(value: number): string {
  return `${value.toFixed(1)} ms`
}

import { describe, expect, it } from 'vitest'
import { figuresOf, lagFigure, type Measured } from './soak-judge.ts'
import type { WorkerSample } from './soak-samples.ts'

const MS = 600_000
const MEGABYTE = 2 ** 20
/** A worker that is there from the beginning to the end, sampled every 10 s. */
const samplesOf = (user: string, at: (part: number) => Partial<WorkerSample>, from = 0): WorkerSample[] =>
  Array.from({ length: 60 }, (_, number) => number / 60)
    .filter((part) => part >= from)
    .map((part) => ({
      ...{ atMs: part * MS, user, rssBytes: 120 * MEGABYTE, heapBytes: 40 * MEGABYTE, descriptors: 28, lagMs: 20 },
      ...at(part),
    }))

const measured = (over: Partial<Measured> = {}): Measured => ({
  ms: MS,
  workers: samplesOf('a', () => ({})),
  spared: new Set(['a']),
  redis: {
    before: { atMs: 0, usedBytes: 3 * MEGABYTE, keys: 60 },
    after: { atMs: MS, usedBytes: 4 * MEGABYTE, keys: 60 },
  },
  keysOfLookups: 0,
  listenerWarnings: 0,
  ...over,
})

const missed = (over: Partial<Measured> = {}) =>
  figuresOf(measured(over))
    .filter(({ ok }) => !ok)
    .map(({ what }) => what)

describe('a soak', () => {
  it('finds nothing where nothing grows, whatever a fault does for a moment', () => {
    const spike = (part: number) => (part > 0.8 && part < 0.85 ? { rssBytes: 300 * MEGABYTE, descriptors: 90 } : {})
    expect(missed({ workers: samplesOf('a', spike) })).toEqual([])
  })

  it('finds memory that grows', () => {
    const grows = samplesOf('a', (part) => ({ rssBytes: (120 + 45 * part) * MEGABYTE }))
    expect(missed({ workers: grows })).toEqual(['a: RSS (heap used)'])
  })

  it('finds descriptors that grow', () => {
    const grows = samplesOf('a', (part) => ({ descriptors: 28 + Math.round(14 * part) }))
    expect(missed({ workers: grows })).toEqual(['a: open descriptors'])
  })

  it('does not judge a worker that was started in between', () => {
    const grows = (part: number) => ({ rssBytes: (120 + 200 * part) * MEGABYTE })
    expect(missed({ workers: [...samplesOf('a', () => ({})), ...samplesOf('b', grows, 0.2)] })).toEqual([])
  })

  it('judges nothing well of a worker that should not have ended, and has', () => {
    const ended = samplesOf('a', () => ({})).filter(({ atMs }) => atMs < MS / 2)
    expect(missed({ workers: ended })).toEqual(['workers that were never ended, and are of age'])
  })

  it('finds what stays in Redis', () => {
    const { before } = measured().redis
    const redis = { before, after: { ...before, usedBytes: 6 * MEGABYTE } }
    expect(missed({ redis })).toEqual(['memory of Redis, after retention (keys)'])
    expect(missed({ keysOfLookups: 1 })).toEqual(['keys of lookups in Redis, after retention'])
    expect(missed({ listenerWarnings: 1 })).toEqual(['warnings that listeners pile up'])
  })

  it('finds an event loop that was late, and takes none for one that was never asked', () => {
    expect(lagFigure(measured())).toMatchObject({ ok: true })
    expect(lagFigure({ workers: samplesOf('a', (part) => ({ lagMs: part > 0.98 ? 101 : 5 })) })).toMatchObject({
      ok: false,
    })
    expect(lagFigure({ workers: samplesOf('a', () => ({ lagMs: null })) })).toMatchObject({ ok: false })
  })
})

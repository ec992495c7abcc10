import { describe, expect, it } from 'vitest'
import { actOnEach, type PacedProgress } from './paced.ts'

const all = async (targets: string[]) => ({ done: targets.length, refused: [] })

describe('an action on lookups that are named', () => {
  it('does all of them in their order, in steps', async () => {
    const targets = Array.from({ length: 25 }, (_, index) => `lk-${index}`)
    const steps: string[][] = []
    const act = (some: string[]) => {
      steps.push(some)
      return all(some)
    }
    const end = await actOnEach(targets, act, { ratePerSecond: 100 })
    expect(steps.flat()).toEqual(targets)
    expect(steps.map(({ length }) => length)).toEqual([10, 10, 5])
    expect(end).toEqual({ done: 25, refused: [], refusedCount: 0, looked: 25 })
  })

  it('keeps its pace', async () => {
    const began = performance.now()
    await actOnEach(['a', 'b', 'c', 'd', 'e'], all, { ratePerSecond: 20 })
    expect(performance.now() - began).toBeGreaterThan(190)
  })

  it('waits as long as something is in its way, and says so', async () => {
    const ways = ['the fleet holds', 'the fleet holds', null, null]
    const told: PacedProgress[] = []
    await actOnEach(['a'], all, {
      ratePerSecond: 100,
      waitsFor: async () => ways.shift() ?? null,
      onProgress: (progress) => told.push(progress),
    })
    expect(told.map(({ waitsFor }) => waitsFor)).toEqual(['the fleet holds', 'the fleet holds', null, null])
    expect(told.at(-1)).toEqual({ done: 1, refused: 0, looked: 1, waitsFor: null })
  })

  it('stops when its signal says so, between two steps', async () => {
    const stop = new AbortController()
    const done: string[] = []
    const act = async (some: string[]) => {
      done.push(...some)
      if (done.length === 2) stop.abort(new Error('enough'))
      return all(some)
    }
    const acting = actOnEach(['a', 'b', 'c', 'd'], act, { ratePerSecond: 10, signal: stop.signal })
    await expect(acting).rejects.toThrow('enough')
    expect(done).toEqual(['a', 'b'])
  })

  it('counts what was refused', async () => {
    const act = async ([lookupId = '']: string[]) => ({ done: 0, refused: [{ lookupId, why: 'active' }] })
    const end = await actOnEach(['a', 'b'], act, { ratePerSecond: 10 })
    expect(end).toMatchObject({
      done: 0,
      refusedCount: 2,
      refused: [{ lookupId: 'a', why: 'active' }, { lookupId: 'b' }],
    })
  })
})

import { describe, expect, it } from 'vitest'
import { memoryNeed } from './memory-need.ts'

const HOUR_MS = 3_600_000
const keeps = { lookupsMs: HOUR_MS, markersMs: 2 * HOUR_MS }
const memory = { where: 'r', usedBytes: 1, maxBytes: null, machineBytes: 8e9, isFull: false }

describe('the memory that a fleet needs', () => {
  it('is what finished lookups and markers take while they are kept', () => {
    const bytes = 10 * (3600 * 1.125 * 259 + 7200 * 1.5 * 29)
    expect(memoryNeed([{ keeps }], 10, memory)).toEqual({ perSecond: 10, bytes, availableBytes: 8e9, keeps })
  })

  it('is by the longest that any worker keeps them', () => {
    const longer = { lookupsMs: 1000, markersMs: 9 * HOUR_MS }
    expect(memoryNeed([{ keeps }, { keeps: longer }], 10, memory)?.keeps).toEqual({
      lookupsMs: HOUR_MS,
      markersMs: 9 * HOUR_MS,
    })
  })

  it('is compared with maxmemory, where there is one', () => {
    expect(memoryNeed([{ keeps }], 10, { ...memory, maxBytes: 1e9 })?.availableBytes).toBe(1e9)
    expect(memoryNeed([{ keeps }], 10, null)?.availableBytes).toBeNull()
  })

  it('is not known where no worker says how long it keeps them, as one of an earlier version', () => {
    expect(memoryNeed([{}], 10, memory)).toBeNull()
  })
})

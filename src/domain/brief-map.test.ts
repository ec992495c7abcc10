import { describe, expect, it } from 'vitest'
import { BriefMap } from './brief-map.ts'

describe('a map of what comes and goes', () => {
  it('holds what a Map would, whenever it begins anew', () => {
    const map = new Map<number, string>()
    const brief = new BriefMap<number, string>()
    for (let i = 0; i < 5_000; i++) {
      const key = (i * 7_919) % 300
      if (i % 3 === 0) {
        map.delete(key)
        brief.delete(key)
      } else {
        map.set(key, `${i}`)
        brief.set(key, `${i}`)
      }
      expect([brief.size, brief.get(key)]).toEqual([map.size, map.get(key)])
    }
    expect([...brief.values()]).toEqual([...map.values()])
  })
})

import { describe, expect, it } from 'vitest'
import { DistinctIds, noteOf } from './distinct-ids.ts'

describe('distinct ids', () => {
  it('are new the first time, and then answer what they were seen with', () => {
    const ids = new DistinctIds()
    expect(ids.see('a', 7)).toBeNull()
    expect(ids.see('b')).toBeNull()
    expect([ids.see('a'), ids.see('b'), ids.see('a', 9)]).toEqual([7, 0, 7])
    expect(noteOf('a')).not.toBe(noteOf('b'))
  })

  it('are exact while the table grows', () => {
    const ids = new DistinctIds()
    const count = 200_000
    for (let index = 0; index < count; index++) expect(ids.see(`${index}`, index)).toBeNull()
    for (let index = 0; index < count; index++) if (ids.see(`${index}`) !== index) throw new Error(`lost ${index}`)
    expect(ids.see('another')).toBeNull()
    expect(ids.isExact).toBe(true)
  })
})

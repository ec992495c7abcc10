import { describe, expect, it } from 'vitest'
import { TurnPlaces } from './turn-places.ts'

const turn = () => new Promise(setImmediate)

describe('places in a turn of the event loop', () => {
  it('go to so many at once, and to the others in later turns, in order', async () => {
    const places = new TurnPlaces(2)
    const wentOn: number[] = []
    const take = (number: number) => {
      const waits = places.take()
      if (waits) void waits.then(() => wentOn.push(number))
      else wentOn.push(number)
    }
    for (const number of [1, 2, 3, 4, 5]) take(number)
    expect(wentOn).toEqual([1, 2])
    await turn()
    expect(wentOn).toEqual([1, 2, 3, 4])
    take(6) // the turn is full
    take(7)
    await turn()
    expect(wentOn).toEqual([1, 2, 3, 4, 5, 6])
    await turn()
    expect(wentOn).toEqual([1, 2, 3, 4, 5, 6, 7])
  })

  it('cost nobody a wait once a turn without anybody has passed', async () => {
    const places = new TurnPlaces(1)
    expect(places.take()).toBeNull()
    await turn()
    await turn()
    expect(places.take()).toBeNull()
  })
})

/** Random numbers that can be repeated. */

/** Numbers from 0 to `below` - 1; each seed has its own series. */
export type Draw = (below: number) => number

/** mulberry32: short, fast, the same on every machine. */
export function drawFrom(seed: number): Draw {
  let state = seed | 0
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below)
  }
}

export function pick<T>(list: readonly T[], draw: Draw): T {
  return list[draw(list.length)] as T
}

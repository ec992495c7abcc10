/**
 * Counts which texts are new, in 12 bytes each: a table of their hashes. It is exact up to MOST different texts (two of them
 * have the same hash in one of a million files of that size); beyond, a text that was not among those counts as new.
 */

import { hash } from 'node:crypto'

const FIRST_SLOTS = 4096
const MOST_SLOTS = 4_194_304
/** Fuller, a table of this kind is slow. */
const FULL = 0.72
export const MOST_DISTINCT = Math.floor(MOST_SLOTS * FULL)

export class DistinctIds {
  #slots = FIRST_SLOTS
  #high = new Uint32Array(FIRST_SLOTS)
  #low = new Uint32Array(FIRST_SLOTS)
  #notes = new Uint32Array(FIRST_SLOTS)
  #count = 0

  get isExact(): boolean {
    return this.#count < MOST_DISTINCT
  }

  /** The note that the text was first seen with; null if it is new. A note is a whole number of 32 bits. */
  see(text: string, note = 0): number | null {
    const [high, low] = halvesOf(text)
    const slot = this.#slotOf(high, low)
    if (this.#high[slot] === high && this.#low[slot] === low) return this.#notes[slot] ?? 0
    if (!this.isExact) return null
    this.#put(slot, high, low, note)
    this.#count++
    if (this.#count > this.#slots * FULL && this.#slots < MOST_SLOTS) this.#grow()
    return null
  }

  #slotOf(high: number, low: number): number {
    const mask = this.#slots - 1
    let slot = low & mask
    while (this.#high[slot] !== 0 && !(this.#high[slot] === high && this.#low[slot] === low)) slot = (slot + 1) & mask
    return slot
  }

  #put(slot: number, high: number, low: number, note: number): void {
    this.#high[slot] = high
    this.#low[slot] = low
    this.#notes[slot] = note
  }

  #grow(): void {
    const [high, low, notes] = [this.#high, this.#low, this.#notes]
    this.#slots *= 2
    this.#high = new Uint32Array(this.#slots)
    this.#low = new Uint32Array(this.#slots)
    this.#notes = new Uint32Array(this.#slots)
    for (const [index, part] of high.entries()) {
      const other = low[index] ?? 0
      if (part !== 0) this.#put(this.#slotOf(part, other), part, other, notes[index] ?? 0)
    }
  }
}

/** 32 bits that stand for a text. */
export function noteOf(text: string): number {
  return halvesOf(text)[1]
}

/** The first half is never 0: that is a free slot. */
function halvesOf(text: string): [high: number, low: number] {
  const hex = hash('sha256', text)
  return [Number.parseInt(hex.slice(0, 8), 16) || 1, Number.parseInt(hex.slice(8, 16), 16)]
}

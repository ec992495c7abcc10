/** What enqueueing these requests would put on the queue. Writes nothing, and keeps no request. */

import type { NewLookup } from '../queues/lookup-queue.ts'
import { DistinctIds, noteOf } from './distinct-ids.ts'
import type { ReadRequest } from './read-requests.ts'
import { CHUNK, type Checked, KEY_CONFLICT, type Request } from './submit.ts'

export interface DryRun {
  /** Lines that hold something: lookups and bad ones. */
  lines: number
  /** Lines without a lookup, and the first of them by name. */
  bad: number
  firstBad: { line: number; problem: string }[]
  /** What would be put on the queue. */
  lookups: number
  /** Lines with an idempotency key that came before or is on a queue already: no new lookup. */
  repeatedKeys: number
  /** Lookups whose connection id another line before has, too. */
  repeatedIds: number
  /** False: there are more ids than are kept, and there may be more repeats. */
  isExact: boolean
}

const BAD_NAMED = 10

interface Source {
  requests: AsyncIterable<ReadRequest> | Iterable<ReadRequest>
  check(request: Request): Checked
  /** For which connection ids lookups are on a queue already, by lookup id. */
  connectionIdsOf(lookupIds: string[]): Promise<ReadonlyMap<string, unknown>>
}

export async function dryRun({ requests, check, connectionIdsOf }: Source, signal?: AbortSignal): Promise<DryRun> {
  const tally = new Tally()
  let keyed: Keyed[] = []
  const look = async () => {
    const known = await connectionIdsOf(keyed.map(({ lookup }) => lookup.lookupId))
    for (const one of keyed) tally.keyed(one, known)
    keyed = []
  }
  for await (const read of requests) {
    signal?.throwIfAborted()
    const checked = 'problem' in read ? { ok: false as const, problem: read.problem } : check(read.request)
    if (!checked.ok) tally.bad(read.line, checked.problem)
    else if ('request' in read && read.request.idempotencyKey != null) keyed.push({ line: read.line, ...checked })
    else tally.added(checked.lookup)
    if (keyed.length === CHUNK) await look()
  }
  if (keyed.length > 0) await look()
  return tally.told
}

interface Keyed {
  line: number
  lookup: NewLookup
}

class Tally {
  readonly #ids = new DistinctIds()
  readonly #keys = new DistinctIds()
  readonly #told: DryRun = {
    lines: 0,
    bad: 0,
    firstBad: [],
    lookups: 0,
    repeatedKeys: 0,
    repeatedIds: 0,
    isExact: true,
  }

  get told(): DryRun {
    const firstBad = this.#told.firstBad.toSorted((a, b) => a.line - b.line).slice(0, BAD_NAMED)
    return { ...this.#told, firstBad, isExact: this.#ids.isExact && this.#keys.isExact }
  }

  bad(line: number, problem: string): void {
    const { firstBad } = this.#told
    this.#told.lines++
    this.#told.bad++
    // Conflicts are found later than what stands behind them, by at most a chunk.
    if (firstBad.length < BAD_NAMED + CHUNK) firstBad.push({ line, problem })
  }

  added({ connectionId }: NewLookup): void {
    this.#told.lines++
    this.#told.lookups++
    if (this.#ids.see(connectionId) !== null) this.#told.repeatedIds++
  }

  #repeated(): void {
    this.#told.lines++
    this.#told.repeatedKeys++
  }

  keyed({ line, lookup }: Keyed, known: ReadonlyMap<string, unknown>): void {
    const { lookupId, connectionId } = lookup
    const before = this.#keys.see(lookupId, noteOf(connectionId))
    const isKnown = known.has(lookupId)
    const isSame = isKnown ? known.get(lookupId) === connectionId : before === null || before === noteOf(connectionId)
    if (!isSame) this.bad(line, KEY_CONFLICT)
    else if (!isKnown && before === null) this.added(lookup)
    else this.#repeated()
  }
}

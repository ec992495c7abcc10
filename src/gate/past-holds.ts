/** For how long the fleet held between two times: what a lookup waited for in that time was the hold. */

import { HOLD_REASONS, type HoldReason } from '../domain/hold.ts'
import type { Redis } from '../redis/connections.ts'
import type { GateKeys } from '../redis/names.ts'

interface Span {
  from: number
  to: number
}

export class PastHolds {
  readonly #redis: Redis
  readonly #key: string
  /** They do not touch each other; the last one first. */
  #spans: Span[] = []

  constructor(redis: Redis, { pastHolds }: GateKeys) {
    this.#redis = redis
    this.#key = pastHolds
  }

  /** Reads them anew. A hold that is on ends, as far as this knows, when it ends by itself. */
  async read(): Promise<void> {
    const found = await this.#redis.zrange(this.#key, '0', '-1', 'WITHSCORES')
    const spans: Span[] = []
    for (let i = 0; i < found.length; i += 2) {
      const from = Number(found[i]?.split(':')[1])
      const to = Number(found[i + 1])
      if (from < to) spans.push({ from, to })
    }
    this.#spans = joined(spans)
  }

  /** Milliseconds; times are Redis'. */
  heldMs(from: number, to: number): number {
    let sum = 0
    for (const span of this.#spans) {
      if (span.to <= from) break
      sum += Math.max(0, Math.min(to, span.to) - Math.max(from, span.from))
    }
    return sum
  }
}

/** The last holds, each with its reason; one that is on ends when it ends by itself. */
export async function readPastHolds(redis: Redis, { pastHolds }: GateKeys): Promise<({ reason: HoldReason } & Span)[]> {
  const found = await redis.zrange(pastHolds, '0', '-1', 'WITHSCORES')
  return found.flatMap((member, index) => {
    const [name, from] = member.split(':')
    const reason = HOLD_REASONS.find((known) => known === name)
    return index % 2 === 0 && reason ? [{ reason, from: Number(from), to: Number(found[index + 1]) }] : []
  })
}

/** Several holds may be on at once. */
function joined(spans: Span[]): Span[] {
  const joint: Span[] = []
  for (const span of spans.sort((a, b) => a.from - b.from)) {
    const last = joint.at(-1)
    if (last && span.from <= last.to) last.to = Math.max(last.to, span.to)
    else joint.push({ ...span })
  }
  return joint.reverse()
}

/** The last holds: for how long the fleet held between two times, and why it did. */

import { HOLD_REASONS, type Hold, type HoldReason } from '../domain/hold.ts'
import type { Redis } from '../redis/connections.ts'
import type { GateKeys } from '../redis/names.ts'
import { Script } from '../redis/script.ts'
import { KEPT_SPANS } from './hold-record.ts'

interface Span {
  from: number
  to: number
}

/** What is known of a hold once its record is gone. `why` and `probes` are null while it is on, and where no worker saw its end. */
export interface PastHold extends Span {
  reason: HoldReason
  why: string | null
  /** Probes that failed. */
  probes: number | null
}

// Each process that sees the end writes the same.
const KEEP_WHY = new Script(`
local WHY = KEYS[1]
redis.call('HSET', WHY, ARGV[1], ARGV[2])
redis.call('PEXPIRE', WHY, ${KEPT_SPANS.ms})
local oldest, began = nil, math.huge
if redis.call('HLEN', WHY) <= ${KEPT_SPANS.most} then return 1 end
for _, name in ipairs(redis.call('HKEYS', WHY)) do
  local since = tonumber(string.match(name, ':(%d+)$'))
  if since and since < began then oldest, began = name, since end
end
if oldest then redis.call('HDEL', WHY, oldest) end
return 1`)

export class PastHolds {
  readonly #redis: Redis
  readonly #key: string
  readonly #whyKey: string
  /** They do not touch each other; the last one first. */
  #spans: Span[] = []

  constructor(redis: Redis, { pastHolds, whyHeld }: GateKeys) {
    this.#redis = redis
    this.#key = pastHolds
    this.#whyKey = whyHeld
  }

  /** Keeps what is known of a hold that has ended. */
  async keepWhy({ reason, since, why, probes }: Hold): Promise<void> {
    await KEEP_WHY.run(this.#redis, [this.#whyKey], [nameOf(reason, since), JSON.stringify({ why, probes })])
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

/** The last holds; one that is on ends when it ends by itself. */
export async function readPastHolds(redis: Redis, { pastHolds, whyHeld }: GateKeys): Promise<PastHold[]> {
  const [found, kept] = await Promise.all([redis.zrange(pastHolds, '0', '-1', 'WITHSCORES'), redis.hgetall(whyHeld)])
  return found.flatMap((member, index) => {
    const [name, from] = member.split(':')
    const reason = HOLD_REASONS.find((known) => known === name)
    if (index % 2 !== 0 || !reason) return []
    const { why = null, probes = null } = JSON.parse(kept[member] ?? '{}') as Partial<PastHold>
    return [{ reason, from: Number(from), to: Number(found[index + 1]), why, probes }]
  })
}

/** As it stands among the spans. */
function nameOf(reason: HoldReason, since: number): string {
  return `${reason}:${since.toFixed(0)}`
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

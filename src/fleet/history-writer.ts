/** Writes what this process has counted into the fleet's history, a slice of ten seconds at a time, in one script. */

import { monotonic } from '../clock.ts'
import type { LookupEvent } from '../domain/event.ts'
import { keysOf, QUEUE_KEYS } from '../queues/bull-layout.ts'
import type { Redis } from '../redis/connections.ts'
import { historyKey, kindsKey, type QueueNames } from '../redis/names.ts'
import { Script } from '../redis/script.ts'
import { NOW_LUA, redisTime } from '../redis/time.ts'
import { HistoryTally, SLICE_MS, type Slice } from './history-tally.ts'

/** An hour, and what whoever looks at the beginning of it still needs. */
export const KEPT_MS = 3_900_000
/** Kinds of answers: as long as a lookup lives, and a day. */
const KINDS_KEPT_MS = 8 * 86_400_000
/** Together they take about 20 kB. */
const MOST_KINDS = 200
/** How far into the next slice it is written, at most: not all workers in the same moment. */
const SPREAD_MS = 1_500

// KEYS behind the first two: counters of all lookups ever added, lists and sorted sets where lookups are that have no result
// yet, so many of each as ARGV says. What they say is kept with the first write of a slice; a key of another type counts for
// nothing. Kinds are seen to within a slice.
const WRITE = new Script(`
local SLICE, KINDS = unpack(KEYS, 1, 2)
local counters, lists, sets, fields = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local sliceAt = tonumber(ARGV[5])
${NOW_LUA}
local at = math.floor(now())
local function sum(command, from, count)
  local all = 0
  for i = from, from + count - 1 do
    local found = redis.pcall(command, KEYS[i])
    all = all + (type(found) ~= 'table' and tonumber(found or 0) or 0)
  end
  return all
end
local function count(key, name, by) redis.call('HINCRBY', key, name, by) end

for i = 1, fields do count(SLICE, ARGV[4 + 2 * i], ARGV[5 + 2 * i]) end
local added = sum('GET', 3, counters)
local backlog = sum('LLEN', 3 + counters, lists) + sum('ZCARD', 3 + counters + lists, sets)
redis.call('HSETNX', SLICE, 'queues', string.format('%.0f %.0f %.0f', at, added, backlog))
redis.call('PEXPIRE', SLICE, ${KEPT_MS})

for i = 6 + 2 * fields, #ARGV, 2 do
  local kind, by = ARGV[i], tonumber(ARGV[i + 1])
  local known = redis.call('HGET', KINDS, kind)
  if known or redis.call('HLEN', KINDS) < ${MOST_KINDS} then
    local first, times = string.match(known or '', '^(%d+) %d+ (%d+)$')
    redis.call('HSET', KINDS, kind, string.format('%.0f %.0f %.0f', first or sliceAt, sliceAt + ${SLICE_MS}, (times or 0) + by))
  end
  redis.call('PEXPIRE', KINDS, ${KINDS_KEPT_MS})
end
return string.format('%.0f', at)`)

const LISTS = ['wait', 'paused', 'active'] as const
const SETS = ['prioritized', 'delayed'] as const

export class HistoryWriter {
  readonly #redis: Redis
  readonly #names: QueueNames
  readonly #tally = new HistoryTally()
  readonly #spread = Math.random() * SPREAD_MS
  readonly #queueKeys: string[]
  /** Redis' clock minus the monotonic one; null: not known yet. */
  #offset: number | null = null

  constructor(redis: Redis, names: QueueNames) {
    this.#redis = redis
    this.#names = names
    const keys = [names.lookupQueue, names.interactiveQueue].map((queue) => keysOf(names, queue))
    const each = (parts: readonly Parameters<(typeof keys)[number]>[0][]) =>
      parts.flatMap((part) => keys.map((key) => key(part)))
    this.#queueKeys = [...each([QUEUE_KEYS.counter]), ...each(LISTS), ...each(SETS)]
  }

  hear(event: LookupEvent): void {
    if (this.#offset !== null) this.#tally.hear(event, monotonic() + this.#offset)
  }

  /** Writes the slices that are over. Rejects when Redis fails; then they are written the next time. */
  async turn(): Promise<void> {
    this.#offset ??= (await redisTime(this.#redis, historyKey(this.#names, 0))) - monotonic()
    await this.#write(this.#tally.take(monotonic() + this.#offset - this.#spread))
  }

  /** Writes all, at the end. */
  async flush(): Promise<void> {
    if (this.#offset !== null) await this.#write(this.#tally.take(monotonic() + this.#offset + SLICE_MS))
  }

  async #write(slices: Slice[]): Promise<void> {
    const sent = await Promise.allSettled(slices.map((slice) => this.#send(slice)))
    const failed = sent.find((one) => one.status === 'rejected')
    for (const [index, one] of sent.entries()) {
      if (one.status === 'rejected') this.#tally.putBack(slices[index] as Slice)
      else this.#offset = one.value - monotonic()
    }
    if (failed) throw failed.reason
  }

  async #send({ number, counts, kinds }: Slice): Promise<number> {
    const keys = [historyKey(this.#names, number), kindsKey(this.#names), ...this.#queueKeys]
    const shape = [2, 2 * LISTS.length, 2 * SETS.length, counts.size, number * SLICE_MS]
    const args = [...shape, ...[...counts].flat(), ...[...kinds].flat()]
    return Number(await WRITE.run(this.#redis, keys, args))
  }
}

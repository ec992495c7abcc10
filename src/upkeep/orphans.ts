/**
 * Lookups that lie in no list, where no worker will ever find them: an add that Redis refused half way (a script does not
 * roll back), or a list that somebody removed. Each is put back where it can be found: to be run, or, if it had ended,
 * among those that have. Looks at so many keys a time, and goes on there the next time; several may look at once.
 */

import type { Redis } from '../redis/connections.ts'
import { bullKey, type QueueNames } from '../redis/names.ts'
import { FIRST, hashesAfter } from '../redis/scan.ts'
import { Script } from '../redis/script.ts'

export interface Orphan {
  id: string
  /** Where it was put. */
  place: 'wait' | 'completed' | 'failed'
}

const KEYS_A_PAGE = 1000
const PAGES_A_TIME = 50
/** Behind a longer backlog it would have to wait all the same; and all ids that wait are read. */
const LONGEST_BACKLOG = 50_000

// What runs has a lock, or has lost it and is seen to as stalled. KEYS: wait, active, paused, marker, then the sorted sets:
// completed, failed, delayed, prioritized, waiting-children. ARGV: a job's key without its id, ids.
const ADOPT = new Script(`
local adopted = {}
local function isListed(id)
  for i = 5, #KEYS do if redis.call('ZSCORE', KEYS[i], id) then return true end end
  return redis.call('LPOS', KEYS[2], id) or redis.call('LPOS', KEYS[1], id) or redis.call('LPOS', KEYS[3], id)
end
for i = 2, #ARGV do
  local id, job = ARGV[i], ARGV[1] .. ARGV[i]
  local fields = redis.call('HMGET', job, 'data', 'timestamp', 'finishedOn', 'failedReason')
  if fields[1] and fields[2] and redis.call('EXISTS', job .. ':lock') == 0 and not isListed(id) then
    local endedAt = tonumber(fields[3] or '')
    local place = 'wait'
    if endedAt then
      place = fields[4] and 'failed' or 'completed'
      redis.call('ZADD', KEYS[place == 'failed' and 6 or 5], endedAt, id)
    else
      if string.sub(id, 1, 2) == '0:' then
        redis.call('ZADD', KEYS[8], 1, id) -- in \`wait\` BullMQ takes it for a mark of an older version, and drops it
      else
        redis.call('RPUSH', KEYS[1], id)
      end
      redis.call('ZADD', KEYS[4], 0, '0') -- as BullMQ wakes its workers
    end
    adopted[#adopted + 1] = id
    adopted[#adopted + 1] = place
  end
end
return adopted`)

const LISTS = [
  'wait',
  'active',
  'paused',
  'marker',
  'completed',
  'failed',
  'delayed',
  'prioritized',
  'waiting-children',
]

export class Orphans {
  readonly #redis: Redis
  readonly #names: QueueNames
  readonly #cursors = new Map<string, string>()

  constructor(redis: Redis, names: QueueNames) {
    this.#redis = redis
    this.#names = names
  }

  /** Puts back those it finds among the next keys. */
  async adopt(queue: string): Promise<Orphan[]> {
    const key = (part: string) => bullKey(this.#names, queue, part)
    const lengths = await Promise.all([key('wait'), key('paused')].map((list) => this.#redis.llen(list)))
    if (Math.max(...lengths) > LONGEST_BACKLOG) return []
    const lists = [key('wait'), key('paused')].map((list) => this.#redis.lrange(list, '0', '-1'))
    const waiting = new Set((await Promise.all(lists)).flat())
    const found: Orphan[] = []
    for (let page = 0; page < PAGES_A_TIME; page++) {
      const ids = (await this.#nextPage(queue, key(''))).filter((id) => !waiting.has(id))
      if (ids.length > 0) {
        const adopted = (await ADOPT.run(this.#redis, LISTS.map(key), [key(''), ...ids])) as string[]
        for (let i = 0; i < adopted.length; i += 2)
          found.push({ id: adopted[i] ?? '', place: adopted[i + 1] as Orphan['place'] })
      }
      if (this.#cursors.get(queue) === FIRST) break
    }
    return found
  }

  async #nextPage(queue: string, start: string): Promise<string[]> {
    const from = this.#cursors.get(queue) ?? FIRST
    const { next, keys } = await hashesAfter(this.#redis, from, start, '*', KEYS_A_PAGE)
    this.#cursors.set(queue, next)
    return keys.map((key) => key.slice(start.length))
  }
}

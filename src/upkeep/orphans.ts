/**
 * Lookups that lie in no list, where no worker will ever find them: Redis refused an add half way (a script does not roll
 * back), or somebody removed a list. Each is put back where it can be found: to be run, or among those that have ended if
 * it had. One run looks at this many keys and the next run goes on there; several processes may look at once.
 */

import { FIELDS, keysOf, LISTS, LOCK, OLD_MARK, QUEUE_KEYS, SORTED_SETS, WAKE } from '../queues/bull-layout.ts'
import type { Redis } from '../redis/connections.ts'
import type { QueueNames } from '../redis/names.ts'
import { FIRST, hashesAfter } from '../redis/scan.ts'
import { Script } from '../redis/script.ts'

export interface Orphan {
  id: string
  /** Where the lookup was put. */
  place: 'wait' | 'completed' | 'failed'
}

const KEYS_A_PAGE = 1000
const PAGES_A_TIME = 50
/**
 * With a longer backlog nobody looks, because the lookup would wait behind it anyway, and all waiting ids have to be
 * read.
 */
const LONGEST_BACKLOG = 50_000

const ADOPT_KEYS = [...LISTS, ...SORTED_SETS, QUEUE_KEYS.marker]
const keyOf = (place: (typeof ADOPT_KEYS)[number]) => `KEYS[${ADOPT_KEYS.indexOf(place) + 1}]`

// A lookup that runs has a lock; without one it is treated as stalled. KEYS: the lists, the sorted sets, the marker.
// ARGV: a job's key without its id, ids.
const ADOPT = new Script(`
local adopted = {}
local function isListed(id)
  for i = ${LISTS.length + 1}, #KEYS - 1 do if redis.call('ZSCORE', KEYS[i], id) then return true end end
  for i = ${LISTS.length}, 1, -1 do if redis.call('LPOS', KEYS[i], id) then return true end end
end
for i = 2, #ARGV do
  local id, job = ARGV[i], ARGV[1] .. ARGV[i]
  local fields = redis.call('HMGET', job, '${FIELDS.data}', '${FIELDS.timestamp}', '${FIELDS.finishedOn}', '${FIELDS.failedReason}')
  if fields[1] and fields[2] and redis.call('EXISTS', job .. '${LOCK}') == 0 and not isListed(id) then
    local endedAt = tonumber(fields[3] or '')
    local place = 'wait'
    if endedAt then
      place = fields[4] and 'failed' or 'completed'
      redis.call('ZADD', place == 'failed' and ${keyOf('failed')} or ${keyOf('completed')}, endedAt, id)
    else
      if string.sub(id, 1, ${OLD_MARK.length}) == '${OLD_MARK}' then
        redis.call('ZADD', ${keyOf('prioritized')}, 1, id) -- in \`wait\` BullMQ takes it for a mark of an older version, and drops it
      else
        redis.call('RPUSH', ${keyOf('wait')}, id)
      end
      redis.call('ZADD', ${keyOf('marker')}, ${WAKE.score}, '${WAKE.member}')
    end
    adopted[#adopted + 1] = id
    adopted[#adopted + 1] = place
  end
end
return adopted`)

export class Orphans {
  readonly #redis: Redis
  readonly #names: QueueNames
  readonly #cursors = new Map<string, string>()

  constructor(redis: Redis, names: QueueNames) {
    this.#redis = redis
    this.#names = names
  }

  /** Puts back the lost lookups among the next keys. */
  async adopt(queue: string): Promise<Orphan[]> {
    const key = keysOf(this.#names, queue)
    const lengths = await Promise.all([key('wait'), key('paused')].map((list) => this.#redis.llen(list)))
    if (Math.max(...lengths) > LONGEST_BACKLOG) return []
    const lists = [key('wait'), key('paused')].map((list) => this.#redis.lrange(list, '0', '-1'))
    const waiting = new Set((await Promise.all(lists)).flat())
    const found: Orphan[] = []
    for (let page = 0; page < PAGES_A_TIME; page++) {
      const ids = (await this.#nextPage(queue, key(''))).filter((id) => !waiting.has(id))
      if (ids.length > 0) {
        const adopted = (await ADOPT.run(this.#redis, ADOPT_KEYS.map(key), [key(''), ...ids])) as string[]
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

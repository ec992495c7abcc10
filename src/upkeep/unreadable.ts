/**
 * Jobs that BullMQ itself cannot read: written by hand, with data or options that are not JSON. BullMQ hands such a job
 * to no worker; it lies among the active jobs, comes back as stalled, and lies there again, for ever.
 */

import { FIELDS, keysOf, LOCK, QUEUE_KEYS } from '../queues/bull-layout.ts'
import type { Redis } from '../redis/connections.ts'
import type { QueueNames } from '../redis/names.ts'

export interface UnreadableJob {
  id: string
  queue: string
  timestamp: number
  /** Its data as it was found, as bytes, because they may be no text. */
  bytes: Buffer
}

// Does nothing if the job was mended meanwhile, or another came under its id. KEYS: active, stalled, job, its lock. ARGV:
// id, its data as it was found.
const REMOVE = `
if redis.call('HGET', KEYS[3], '${FIELDS.data}') ~= ARGV[2] then return 0 end
redis.call('LREM', KEYS[1], 0, ARGV[1])
redis.call('SREM', KEYS[2], ARGV[1])
return redis.call('DEL', KEYS[3], KEYS[4])`

export class UnreadableJobs {
  readonly #redis: Redis
  readonly #names: QueueNames

  constructor(redis: Redis, names: QueueNames) {
    this.#redis = redis
    this.#names = names
  }

  /** The unreadable ones among the active jobs of a queue, which are no more than the slots of the fleet. */
  async find(queue: string): Promise<UnreadableJob[]> {
    const key = keysOf(this.#names, queue)
    const ids = await this.#redis.lrange(key('active'), '0', '-1')
    const found: UnreadableJob[] = []
    for (const id of ids) {
      const fields = [FIELDS.data, FIELDS.options, FIELDS.timestamp] as const
      const [data, opts, timestamp] = await this.#redis.hmgetBuffer(key(id), ...fields)
      if (!data) continue
      const isReadable = isJson(String(data)) && isJsonObject(String(opts ?? '{}'))
      if (!isReadable) found.push({ id, queue, timestamp: Number(timestamp), bytes: data })
    }
    return found
  }

  async remove({ id, queue, bytes }: UnreadableJob): Promise<void> {
    const key = keysOf(this.#names, queue)
    await this.#redis.eval(REMOVE, 4, key('active'), key(QUEUE_KEYS.stalled), key(id), key(id + LOCK), id, bytes)
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

function isJsonObject(text: string): boolean {
  if (!isJson(text)) return false
  const value: unknown = JSON.parse(text)
  return typeof value === 'object' && value !== null
}

/**
 * Puts lookups on one lookup queue: one script adds many of them by BullMQ's own text. BullMQ's addBulk sends a command with
 * nine keys for each: with it the API's bulk intake took more than twice the CPU an id. All of them are added, or
 * none, unless a key is of the wrong type or the ACL forbids a command.
 */

import type { JobsOptions, Queue } from 'bullmq'
import { now } from '../clock.ts'
import { LOOKUP_JOB_NAME } from '../domain/lookup.ts'
import type { Redis } from '../redis/connections.ts'
import type { QueueNames } from '../redis/names.ts'
import { Script } from '../redis/script.ts'
import { bullAdd } from './bull-add.ts'
import { keysOf } from './bull-layout.ts'
import type { NewLookup } from './lookup-queue.ts'

// KEYS: those of BullMQ's add.
// ARGV: BullMQ's prefix, job name, timestamp (ms), and of each lookup: id, data, options (JSON).
const addLua = (add: string) => `
${add}
local packed = {}
for i = 4, #ARGV, 3 do
  local options = ARGV[i + 2]
  packed[options] = packed[options] or cmsgpack.pack(cjson.decode(options))
  add(KEYS, { cmsgpack.pack({ ARGV[1], ARGV[i], ARGV[2], ARGV[3] }), ARGV[i + 1], packed[options] })
end`

/** BullMQ adds each kind by a text of its own. Of each, options that make a job one. */
const KINDS = { plain: {}, delayed: { delay: 1 }, prioritized: { priority: 1 } } satisfies Record<string, JobsOptions>
type Kind = keyof typeof KINDS

interface Prepared {
  script: Script
  keys: string[]
}

export class LookupAdder {
  readonly #queue: Queue
  readonly #redis: Redis
  readonly #names: QueueNames
  readonly #prepared = new Map<Kind, Prepared>()

  /** `redis` is the connection that `queue` was built on. */
  constructor(queue: Queue, redis: Redis, names: QueueNames) {
    this.#queue = queue
    this.#redis = redis
    this.#names = names
  }

  /** Redis adds all of a kind in one step, so they should be few enough. One whose id is there already stays as it is. */
  async add(lookups: NewLookup[]): Promise<void> {
    for (const kind of Object.keys(KINDS) as Kind[]) {
      const those = lookups.filter((lookup) => kindOf(lookup) === kind)
      if (those.length > 0) await this.#addAll(kind, those)
    }
  }

  async #addAll(kind: Kind, lookups: NewLookup[]): Promise<void> {
    const { script, keys } = this.#prepared.get(kind) ?? (await this.#prepare(kind))
    const args = [keysOf(this.#names, this.#queue.name)(''), LOOKUP_JOB_NAME, String(now())]
    for (const lookup of lookups) args.push(...argumentsOf(lookup))
    await script.run(this.#redis, keys, args)
  }

  async #prepare(kind: Kind): Promise<Prepared> {
    const { lua, keys } = await bullAdd(this.#queue, this.#redis, this.#names, KINDS[kind])
    const prepared = { script: new Script(addLua(lua)), keys }
    this.#prepared.set(kind, prepared)
    return prepared
  }
}

function kindOf({ delayMs, priority }: NewLookup): Kind {
  if (delayMs) return 'delayed'
  return priority ? 'prioritized' : 'plain'
}

/**
 * What the worker decides is no option of the job, nor is what its key says: with a delay or a priority beside that they would
 * pass 64 bytes, and Redis would keep the whole job in a form that takes twice as much.
 */
function argumentsOf({ lookupId, priority, delayMs, ...data }: NewLookup): [id: string, data: string, options: string] {
  return [lookupId, JSON.stringify(data), JSON.stringify({ priority, delay: delayMs })]
}

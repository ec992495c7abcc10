/**
 * BullMQ's own way to end a job and hand out the next, for all jobs that end in one turn of the event loop in one command. One
 * for each, with two dozen keys and arguments, is dear to write and to run (docs/performance.md).
 */

import type { Redis } from '../redis/connections.ts'
import { EachScript, type ScriptInput } from '../redis/each-script.ts'
import { Script } from '../redis/script.ts'
import { Together } from '../redis/together.ts'

/** Its KEYS: first those of the queue, then where the job goes, the job, and two that could be the queue's. */
export const FINISH_KEYS = { queue: 10, job: 4 }
/** Its ARGV, all of them the job's. */
export const FINISH_ARGS = 9
/** Its name, without its version. */
export const FINISH = 'moveToFinished'

const KEYS = FINISH_KEYS.queue + FINISH_KEYS.job

/** How BullMQ sends a script: its keys, and behind them its arguments. */
export type Send = (all: (string | number | Buffer)[]) => Promise<unknown>

/** `lua`: BullMQ's own text. A job that BullMQ sends with more or less than we know goes alone. */
export function finishTogether(redis: Redis, lua: string): Send {
  const alone = new Script(lua)
  const each = new EachScript(
    `
local function finish(KEYS, ARGV)
${lua}
end
local keys = { unpack(KEYS, 1, ${FINISH_KEYS.queue}) }
local function one(...)
  local all = { ... }
  for i = 1, ${FINISH_KEYS.job} do keys[${FINISH_KEYS.queue} + i] = all[i] end
  return finish(keys, { unpack(all, ${FINISH_KEYS.job} + 1) })
end`,
    { first: { keys: FINISH_KEYS.queue, args: 0 }, each: { keys: FINISH_KEYS.job, args: FINISH_ARGS } },
  )
  const ofQueues = new Map<string, Together<ScriptInput, unknown>>()
  return (all) => {
    if (all.length !== KEYS + FINISH_ARGS) return alone.runWith(redis, KEYS, all)
    const keys = all.slice(0, KEYS) as string[]
    const queue = keys.splice(0, FINISH_KEYS.queue)
    const [wait = ''] = queue
    let together = ofQueues.get(wait)
    if (!together) {
      together = new Together((jobs) => each.run(redis, { keys: queue, args: [] }, jobs))
      ofQueues.set(wait, together)
    }
    return together.ask({ keys, args: all.slice(KEYS) })
  }
}

/**
 * What a worker is handed of a job. A job that is too large for a process would end it: BullMQ hands it out whole (HGETALL),
 * and JSON.parse takes several times its size. So the scripts that hand out a job measure it first. And BullMQ drops fields
 * that it does not know: what ours say of a job that has ended before comes as its returnvalue, of which a job in hand has
 * none. The scripts are BullMQ's own, with one line of them changed; test/queues/bull-layout.test.ts fails where an upgrade
 * has that line no more.
 */

import type { Redis } from '../redis/connections.ts'
import { END_FIELD, REDRIVE_FIELD, REDRIVEN_AT_FIELD } from '../redis/names.ts'
import { Script } from '../redis/script.ts'
import { FINISH, finishTogether, type Send } from './bull-finish.ts'
import { FIELDS } from './bull-layout.ts'
import { JOB_MAX_BYTES } from './stored-jobs.ts'

/** How BullMQ's scripts hand out a job. */
export const WHOLE_JOB = 'return {rcall("HGETALL", jobKey), jobId, 0, 0}'

/** A field above this is left out of a job that is too large. */
const FIELD_MAX_BYTES = 1024

// Too large: its small fields, and how large it is instead of its data. How it has ended is not read, only that it has.
const BOUNDED_JOB = `local fields = {}
  local function withOwn()
    local own
    for i = 1, #fields, 2 do
      local name = fields[i]
      if name == "${REDRIVE_FIELD}" or name == "${REDRIVEN_AT_FIELD}" or name == "${END_FIELD}" then
        own = own or {}
        own[name] = name == "${END_FIELD}" and "" or fields[i + 1]
      end
    end
    if own then
      fields[#fields + 1] = "${FIELDS.returned}"
      fields[#fields + 1] = cjson.encode(own)
    end
    return {fields, jobId, 0, 0}
  end
  local bytes = rcall("HSTRLEN", jobKey, "${FIELDS.data}")
  if bytes <= ${JOB_MAX_BYTES} then
    fields = rcall("HGETALL", jobKey)
    bytes = 0
    for i = 2, #fields, 2 do bytes = bytes + #fields[i] end
    if bytes <= ${JOB_MAX_BYTES} then return withOwn() end
  end
  bytes, fields = 0, {}
  for _, field in ipairs(rcall("HKEYS", jobKey)) do
    local size = rcall("HSTRLEN", jobKey, field)
    bytes = bytes + size
    if size <= ${FIELD_MAX_BYTES} and field ~= "${FIELDS.data}" then
      fields[#fields + 1] = field
      fields[#fields + 1] = rcall("HGET", jobKey, field)
    end
  end
  fields[#fields + 1] = "${FIELDS.data}"
  fields[#fields + 1] = string.format('{"ce:bytes":%.0f}', bytes)
  return withOwn()`

/** How large the job is that was handed out in place of one that is too large; null: it is that job itself. */
export function bytesInstead(data: string): number | null {
  const [, bytes] = /^\{"ce:bytes":(\d+)\}$/.exec(data) ?? []
  return bytes === undefined ? null : Number(bytes)
}

/** What our fields say of a job that was handed out, of those that matter before it runs. */
export function ownFields(returnvalue: unknown): Readonly<Record<string, unknown>> {
  try {
    return Object(JSON.parse(String(returnvalue)))
  } catch {
    return {}
  }
}

/** Call when BullMQ has registered its scripts with this connection. */
export function boundReads(redis: Redis): void {
  const scripts = redis.scriptsSet as Record<string, { lua: string; numberOfKeys: number }>
  for (const [name, { lua, numberOfKeys }] of Object.entries(scripts)) {
    if (!lua.includes(WHOLE_JOB)) continue
    const bounded = lua.replace(WHOLE_JOB, BOUNDED_JOB)
    redis.defineCommand(name, { lua: bounded, numberOfKeys })
    const isFinish = name.split(':')[0] === FINISH
    Object.assign(redis, { [name]: isFinish ? finishTogether(redis, bounded) : alone(redis, bounded, numberOfKeys) })
  }
}

/** It costs less to send than ioredis' own. */
function alone(redis: Redis, lua: string, numberOfKeys: number): Send {
  const script = new Script(lua)
  return (all) => script.runWith(redis, numberOfKeys, all)
}

/** Takes what is to be forgotten out of an event stream of BullMQ. */

import type { Redis } from '../redis/connections.ts'
import { Script } from '../redis/script.ts'
import { mentions } from './about-connection.ts'

const PAGE = 1000

// XDEL only marks an entry, and its bytes stay until all around it are gone. So the stream is written anew without these
// entries, in one go. A stream that a consumer group reads is not written anew, because the group would be lost. The
// script gets the entries' ids, not the text to forget, because Redis keeps the arguments of slow commands in its slow
// log. KEYS: stream. ARGV: JSON, ids of entries.
const WITHOUT = new Script(`
local gone = cjson.decode(ARGV[1])
if #redis.call('XINFO', 'GROUPS', KEYS[1]) > 0 then
  for _, id in ipairs(gone) do redis.call('XDEL', KEYS[1], id) end
  return
end
local isGone = {}
for _, id in ipairs(gone) do isGone[id] = true end
local entries = redis.call('XRANGE', KEYS[1], '-', '+')
redis.call('DEL', KEYS[1])
for _, entry in ipairs(entries) do
  if not isGone[entry[1]] then redis.call('XADD', KEYS[1], entry[1], unpack(entry[2])) end
end`)

/** Removes the entries about these jobs, and those that name the connection id. Resolves to their number. */
export async function removeEvents(
  redis: Redis,
  stream: string,
  jobIds: ReadonlySet<string>,
  connectionId: string,
): Promise<number> {
  const gone: string[] = []
  for await (const [id, fields] of entriesOf(redis, stream)) {
    const isOfAJob = fields.some((text, i) => text === 'jobId' && i % 2 === 0 && jobIds.has(fields[i + 1] ?? ''))
    if (isOfAJob || fields.some((text, i) => i % 2 === 1 && mentions(text, connectionId))) gone.push(id)
  }
  if (gone.length > 0) await WITHOUT.run(redis, [stream], [JSON.stringify(gone)])
  return gone.length
}

async function* entriesOf(redis: Redis, stream: string): AsyncGenerator<[id: string, fields: string[]]> {
  for (let from = '-'; ; ) {
    const page = await redis.xrange(stream, from, '+', 'COUNT', PAGE)
    yield* page
    if (page.length < PAGE) return
    from = `(${page.at(-1)?.[0]}`
  }
}

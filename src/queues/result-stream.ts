/**
 * The stream of all results, if there is to be one (RESULT_STREAM): written by the script that publishes a result, in the
 * same step, and trimmed there.
 */

export interface ResultStream {
  key: string
  /** So many results it keeps, the last ones; somewhat more, because Redis trims it by whole blocks. */
  maxLength: number
}

/** The field of an entry that holds the result, as JSON. */
export const RESULT_FIELD = 'result'

/** What variables and options say of it. */
export function resultStreamOf(config: {
  resultStream: string | null
  resultStreamMaxLength: number
}): ResultStream | null {
  const { resultStream: key, resultStreamMaxLength: maxLength } = config
  return key === null ? null : { key, maxLength }
}

/**
 * Defines `addToStream(result)`, which returns the entry's id, and `takeFromStream(id)`. KEYS[`place`] is the stream. A key
 * that holds something else stops the script before it has written anything.
 */
export function streamLua(place: number, stream: ResultStream | null): string {
  if (!stream) return 'local function addToStream() end\nlocal function takeFromStream() end'
  return `
local STREAM = KEYS[${place}]
local function addToStream(result)
  local kind = redis.call('TYPE', STREAM).ok
  if kind ~= 'stream' and kind ~= 'none' then
    error('WRONGTYPE RESULT_STREAM: expected a stream or nothing at its key, got a ' .. kind, 0)
  end
  return redis.call('XADD', STREAM, 'MAXLEN', '~', ${stream.maxLength}, '*', '${RESULT_FIELD}', result)
end
local function takeFromStream(entry)
  redis.call('XDEL', STREAM, entry)
end`
}

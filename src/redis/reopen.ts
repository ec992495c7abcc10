import type { Redis } from 'ioredis'

/**
 * Opens a connection again that has ended though nobody closed it. By Sentinel, ioredis 6.0 ends one for good when the
 * sentinels tell of a new master in the very moment in which it is connecting: a worker would wait for ever. Also what is
 * duplicated from it.
 */
export function reopened(redis: Redis): Redis {
  let isClosed = false
  const { disconnect, quit, duplicate } = redis
  redis.disconnect = (reconnect) => {
    if (!reconnect) isClosed = true
    disconnect.call(redis, reconnect)
  }
  redis.quit = ((...args: Parameters<typeof quit>) => {
    isClosed = true
    return quit.apply(redis, args)
  }) as typeof quit
  redis.duplicate = (...args) => reopened(duplicate.apply(redis, args))
  redis.on('end', () => {
    // What goes wrong is told by the error event; its own strategy tries again.
    if (!isClosed) redis.connect().catch(() => {})
  })
  return redis
}

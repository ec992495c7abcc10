import type { Redis } from 'ioredis'

/**
 * Opens a connection again that has ended although nobody closed it. With Sentinel, ioredis 6.0 ends a connection for
 * good if the sentinels announce a new master while it is connecting, and a worker would wait for ever. Duplicates of the
 * connection are covered, too.
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
    // The error event reports what goes wrong, and the connection's own strategy tries again.
    if (!isClosed) redis.connect().catch(() => {})
  })
  return redis
}

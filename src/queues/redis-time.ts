import type { Redis } from 'ioredis'

/** Redis' clock, ms since 1970: the one that all of a fleet share. */
export async function redisTime(redis: Redis): Promise<number> {
  const [seconds, micros] = await redis.time()
  return Number(seconds) * 1000 + Number(micros) / 1000
}

/**
 * The one door by which a face comes to a running fleet. No face holds a connection of its own. What lies behind the door
 * takes half a second to load, so it is loaded when somebody enters, not for `--help`.
 */

import type { Hall, HallConfig } from './hall.ts'

/** Runs `work` in the hall, and leaves it. `name` is how Redis lists the connection. Rejects, in words, without Redis. */
export async function withHall<T>(config: HallConfig, name: string, work: (hall: Hall) => Promise<T>): Promise<T> {
  const [{ Hall }, { withRedis }] = await Promise.all([import('./hall.ts'), import('./reach-redis.ts')])
  return withRedis(config, name, async (redis) => {
    const hall = new Hall(redis, config)
    try {
      return await work(hall)
    } finally {
      hall.close()
    }
  })
}

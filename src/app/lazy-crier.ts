/** The crier, loaded by those workers alone that have somebody to tell. */

import type { Config } from '../config/config.ts'
import type { Observe } from '../domain/event.ts'
import type { Redis } from '../redis/connections.ts'
import type { Crier } from './crier.ts'

export type LazyCrier = Pick<Crier, 'look' | 'leave'>

/** `redis` gives up by itself when Redis hangs. Null: nobody wants to be told. */
export function lazyCrier(config: Config, redis: Redis, holder: string, observe: Observe): LazyCrier | null {
  if (!config.notifyUrl && !config.heartbeatUrl) return null
  let crier: Promise<Crier> | null = null
  return {
    look: async () => {
      crier ??= import('./crier.ts').then(({ Crier }) => new Crier(config, redis, holder, observe))
      await (await crier).look()
    },
    leave: async () => (await crier)?.leave(),
  }
}

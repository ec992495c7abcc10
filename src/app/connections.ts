/** The connections of a process that stays, and what is said of them. */

import type { Observe } from '../domain/event.ts'
import { impatientConnection, patientConnection, type Redis, type RedisPlace } from '../redis/connections.ts'
import { redisTrouble } from '../redis/errors.ts'

export class Connections {
  readonly #place: RedisPlace
  readonly #observe: Observe
  readonly #opened: Redis[] = []

  constructor(place: RedisPlace, observe: Observe) {
    this.#place = place
    this.#observe = observe
  }

  /** Waits for Redis as long as it takes. `name` is how Redis lists it. */
  patient(name: string): Redis {
    return this.#heard(patientConnection(this.#place, name), name)
  }

  /** Gives up within a second. */
  impatient(name: string): Redis {
    return this.#heard(impatientConnection(this.#place, name), name)
  }

  close(): void {
    for (const redis of this.#opened.splice(0)) redis.disconnect()
  }

  #heard(redis: Redis, where: string): Redis {
    this.#opened.push(redis)
    redis.on('error', redisTrouble(this.#observe, where))
    let wasReady = false
    redis.on('ready', () => {
      if (wasReady) this.#observe({ type: 'redis-ready', where })
      wasReady = true
    })
    return redis
  }
}

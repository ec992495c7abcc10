/** One run of `results`: each result is a line, and is removed once its line is written. */

import type { Consumer, Hall, HallConfig } from '../../app/hall.ts'
import { withHall } from '../../app/with-hall.ts'
import { sleep, within } from '../../clock.ts'
import type { Result } from '../../domain/result.ts'
import { RedisUnavailable } from '../../intake/errors.ts'
import { Interrupted, type Io } from './io.ts'
import { counted } from './terminal.ts'

/** After Ctrl-C, writing and removing the current result has this long. */
const CLOSE_MS = 3000
const TRY_AGAIN_MS = 2000

export interface ResultsOptions {
  follow: boolean
  limit: number
}

export class ResultsRun {
  readonly #io: Io
  readonly #config: HallConfig
  readonly #options: ResultsOptions
  readonly #stop: AbortSignal
  #count = 0
  /** Lines that are no results. */
  #strangers = 0
  /** Redis has answered at least once; otherwise its address may be wrong. */
  #hasAnswered = false
  #isAway = false

  constructor(io: Io, config: HallConfig, options: ResultsOptions) {
    this.#io = io
    this.#config = config
    this.#options = options
    this.#stop = io.interruption()
  }

  async run(): Promise<void> {
    try {
      while (!(await this.#wasRead())) await sleep(TRY_AGAIN_MS, this.#stop)
    } catch (error) {
      if (!(error instanceof Interrupted)) throw error
    } finally {
      if (this.#strangers > 0) this.#sayStrangers()
      if (this.#hasAnswered) this.#io.say(counted(this.#count, 'result'))
    }
  }

  /** False if Redis went away, and whoever follows is to try again. */
  async #wasRead(): Promise<boolean> {
    try {
      await withHall(this.#config, 'results', (hall) => this.#read(hall))
      return true
    } catch (error) {
      if (!(error instanceof RedisUnavailable) || !this.#options.follow || !this.#hasAnswered) throw error
      if (!this.#isAway) this.#io.say(`${error.message} Waiting for it.`)
      this.#isAway = true
      return false
    }
  }

  async #read(hall: Hall): Promise<void> {
    this.#hasAnswered = true
    const consumer = await hall.consumer((id) => this.#sayUnreadable(id))
    try {
      await Promise.race([this.#takeAll(consumer), overdueAfter(this.#stop)])
      if (!this.#options.follow && this.#isWanted) await this.#sayWhatIsHeld(hall)
    } finally {
      await within(CLOSE_MS, consumer.close())
    }
  }

  get #isWanted(): boolean {
    return this.#count < this.#options.limit
  }

  async #takeAll(consumer: Consumer): Promise<void> {
    const write = async (result: Result) => {
      await this.#io.print(JSON.stringify(result))
      this.#count++
      if (!isResult(result)) this.#strangers++
    }
    while (this.#isWanted && !this.#stop.aborted) {
      const taken = await consumer.next(write, this.#options.follow)
      if (this.#isAway) this.#io.say('Redis is there again')
      this.#isAway = false
      if (!taken && !this.#options.follow) break
    }
  }

  #sayStrangers(): void {
    const { resultQueue } = this.#config
    this.#io.say(
      `no results of ours: ${counted(this.#strangers, 'line')} (expected version, lookupId and status). Does another program write to ${resultQueue}, or is RESULT_QUEUE another queue's name?`,
    )
  }

  #sayUnreadable(id: string): void {
    const { resultQueue } = this.#config
    this.#io.say(
      `${JSON.stringify(id)}: expected a result, got a job that BullMQ cannot read; it is kept among the failed ones of ${resultQueue}, and the others are read`,
    )
  }

  /** Otherwise somebody whose reader was killed would think that its last result is lost. */
  async #sayWhatIsHeld(hall: Hall): Promise<void> {
    const { queues } = await hall.status()
    const held = queues.find(({ queue }) => queue === this.#config.resultQueue)?.jobs.active ?? 0
    if (held > 0)
      this.#io.say(
        `${counted(held, 'more result')} with other readers; from a reader that died they come back within two minutes`,
      )
  }
}

/** Another program may put anything on the queue, and a misspelt RESULT_QUEUE may name the queue of lookups. */
function isResult(data: unknown): boolean {
  const { version, lookupId, status } = Object(data) as Partial<Result>
  return version === 1 && typeof lookupId === 'string' && typeof status === 'string'
}

/** Rejects some time after Ctrl-C, because a Redis that hangs never answers. */
async function overdueAfter(stop: AbortSignal): Promise<never> {
  await new Promise((resolve) => stop.addEventListener('abort', resolve, { once: true }))
  await sleep(CLOSE_MS)
  throw stop.reason
}

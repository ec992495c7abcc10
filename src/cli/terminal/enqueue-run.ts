/** One run of `enqueue`: lookups go to the queue in chunks and, with --wait, their results are printed. */

import type { Awaited, Hall, HallConfig, NewLookup, Waiting } from '../../app/hall.ts'
import { monotonic, sleep } from '../../clock.ts'
import type { Lane } from '../../domain/lane.ts'
import type { FleetGate } from '../../fleet/fleet-control.ts'
import { type Checked, KEY_CONFLICT, keyUses, type Request, type ToAdd, toLookup } from '../../intake/submit.ts'
import type { Source } from './enqueue-source.ts'
import { Interrupted, type Io } from './io.ts'
import { type Progress, progressBar } from './progress.ts'
import { holdsInWords } from './status-in-words.ts'
import { counted, number, seconds } from './terminal.ts'

/** While this many results are awaited, no more lookups are added: memory stays flat. */
const MOST_AWAITED = 10_000
const MOST_PROBLEMS_SHOWN = 20
const WORTH_SAYING_MS = 60_000

export interface EnqueueOptions {
  lane: Lane
  /** What every lookup gets unless it has its own. */
  common: Omit<Request, 'connectionId'>
  wait: boolean
  json: boolean
}

/** What a line says comes before what all get. */
export function checkedWith(common: EnqueueOptions['common'], request: Request): Checked {
  const { correlationId = common.correlationId, producer = common.producer, deliver = common.deliver } = request
  return toLookup({ ...common, ...request, correlationId, producer, deliver })
}

export class EnqueueRun {
  readonly #io: Io
  readonly #hall: Hall
  readonly #config: HallConfig
  readonly #options: EnqueueOptions
  readonly #source: Source
  readonly #stop: AbortSignal
  readonly #progress: Progress
  /** Where the lookups stood that have been read and are not on the queue, and whether they came with an idempotency key. */
  readonly #read: { line: number; hasKey: boolean }[] = []
  #lastLine = 0
  #enqueued = 0
  #repeats = 0
  #refused = 0
  #bad = 0
  #waiter: Waiting | null = null
  #holds: { look(): Promise<void> } | null = null
  #printing: Promise<void> = Promise.resolve()

  constructor(io: Io, hall: Hall, config: HallConfig, options: EnqueueOptions, source: Source) {
    this.#io = io
    this.#stop = io.interruption()
    this.#hall = hall
    this.#config = config
    this.#options = options
    this.#source = source
    this.#progress = progressBar(io, 'enqueued', source.totalBytes, source.named)
    this.#stop.addEventListener('abort', () => source.close(this.#stop.reason as Error))
  }

  /** Resolves to the exit code. */
  async run(): Promise<number> {
    if (this.#options.wait) {
      this.#waiter = this.#startWaiting()
      this.#holds = this.#hall.watchHolds((gate) => this.#sayHolds(gate))
    }
    try {
      await Promise.race([this.#all(), this.#hall.lost()])
      return this.#refused > 0 || this.#bad > 0 ? 1 : 0
    } catch (error) {
      this.#progress.stop()
      if (this.#enqueued > 0 || error instanceof Interrupted) this.#sayWhereItStands()
      throw error
    } finally {
      this.#source.close(new Error('done'))
    }
  }

  async #all(): Promise<void> {
    await this.#enqueueAll()
    await this.#resultsBelow(1)
    await this.#printing
    await this.#holds?.look() // whoever was told of a hold is told that it is over
  }

  async #enqueueAll(): Promise<void> {
    const { lane } = this.#options
    const startedAt = monotonic()
    const chunks = this.#hall.submit(lane, this.#lookups(), (chunk) => this.#expect(chunk))
    for await (const chunk of chunks) {
      await this.#added(chunk)
      await this.#waiter?.lookFor(lane, idsOf(chunk))
    }
    this.#progress.stop()
    this.#summarise(monotonic() - startedAt)
    if (!this.#source.named) await this.#sayHowLong()
  }

  #startWaiting(): Waiting {
    return this.#hall.awaitResults((awaited) => {
      this.#printing = this.#printing.then(() => this.#show(awaited))
      this.#printing.catch(() => {})
    })
  }

  /** Else whoever waits in a hold would wait without knowing for what. */
  #sayHolds(gate: FleetGate): void {
    for (const line of holdsInWords(gate)) this.#progress.say(line)
    if (gate.holds.length === 0) this.#progress.say('the hold is over: the fleet calls again')
  }

  async #show({ lookupId, result, status }: Awaited): Promise<void> {
    if (status !== 'enriched' && status !== 'not-found') this.#bad++
    if (result) await this.#io.print(JSON.stringify(result))
    else if (status === 'removed') this.#io.say(`${lookupId}: was removed from the queue, and has had no result`)
    else
      this.#io.say(
        `${lookupId}: had its result before (${status ?? 'it is forgotten which'}), and that has been consumed or is no longer kept`,
      )
  }

  async *#lookups(): AsyncGenerator<NewLookup> {
    for await (const read of this.#source.requests) {
      this.#stop.throwIfAborted()
      const checked =
        'problem' in read
          ? { ok: false as const, problem: read.problem }
          : checkedWith(this.#options.common, read.request)
      if (!checked.ok) {
        this.#refuse(read.line, checked.problem)
        continue
      }
      const hasKey = 'request' in read && read.request.idempotencyKey != null
      this.#read.push({ line: read.line, hasKey })
      yield checked.lookup
    }
  }

  /** Answers what of the chunk goes on the queue. */
  async #expect(chunk: NewLookup[]): Promise<ToAdd> {
    const toAdd = await this.#withoutConflicts(chunk)
    if (!this.#waiter) return toAdd
    await this.#resultsBelow(MOST_AWAITED)
    await this.#waiter.expect(this.#options.lane, idsOf(toAdd.all))
    return toAdd
  }

  /** Counts repeats, too. A lookup without a key has an id that nobody has had. */
  async #withoutConflicts(chunk: NewLookup[]): Promise<ToAdd> {
    const read = this.#read.slice(0, chunk.length)
    const keyed = new Set(idsOf(chunk).filter((_, index) => read[index]?.hasKey))
    if (keyed.size === 0) return { all: chunk, fresh: chunk }
    const uses = keyUses(chunk, await this.#hall.connectionIdsOf([...keyed]))
    this.#repeats += uses.filter((use) => use === 'repeat').length
    for (const [index, { line }] of read.entries()) if (uses[index] === 'conflict') this.#refuse(line, KEY_CONFLICT)
    const isKept = (_: unknown, index: number) => uses[index] !== 'conflict'
    this.#read.splice(0, chunk.length, ...read.filter(isKept))
    return { all: chunk.filter(isKept), fresh: chunk.filter((_, index) => uses[index] === 'new') }
  }

  /** Waits until fewer results than that are awaited. */
  async #resultsBelow(count: number): Promise<void> {
    while (this.#waiter && this.#waiter.waiting >= count) {
      // Worded as Redis' own error, because chance decides which of the two connections ends first.
      if (this.#waiter.isLost) throw new Error('Connection is closed.')
      await sleep(20, this.#stop)
    }
  }

  #refuse(line: number, problem: string): void {
    this.#refused++
    if (this.#refused <= MOST_PROBLEMS_SHOWN) this.#progress.say(`line ${line}: ${problem}; skipped`)
    if (this.#refused === MOST_PROBLEMS_SHOWN + 1) this.#progress.say('more lines without a lookup: counted, not shown')
  }

  async #added(chunk: NewLookup[]): Promise<void> {
    this.#enqueued += chunk.length
    const read = this.#read.splice(0, chunk.length)
    this.#lastLine = read.at(-1)?.line ?? this.#lastLine
    this.#progress.update(this.#enqueued, this.#source.bytesRead())
    const { json, wait } = this.#options
    if (wait) return
    if (json) {
      for (const [index, { lookupId, connectionId, correlationId = null }] of chunk.entries()) {
        await this.#io.print(JSON.stringify({ line: read[index]?.line, lookupId, connectionId, correlationId }))
      }
    } else if (this.#source.named) {
      for (const { lookupId, connectionId } of chunk) await this.#io.print(`${lookupId}  ${connectionId}`)
    }
  }

  #summarise(ms: number): void {
    const rate = number.format(Math.round(this.#enqueued / Math.max(ms / 1000, 0.001)))
    const pace = this.#source.named ? '' : ` in ${seconds(ms)} (${rate}/s)`
    this.#io.say(this.#enqueuedSoFar(pace))
  }

  get #queue(): string {
    return this.#options.lane === 'interactive' ? this.#config.interactiveQueue : this.#config.lookupQueue
  }

  /** Thousands of lookups take minutes to hours at the pace of the fleet; nobody guesses that. */
  async #sayHowLong(): Promise<void> {
    const status = await this.#hall.status()
    const rates = status.serviceProblem === null ? status.limits.rate.values : []
    const rate = Math.min(...rates.map((value) => value ?? Number.POSITIVE_INFINITY))
    const ms = (1000 * status.backlog) / rate
    if (Number.isFinite(ms) && ms > WORTH_SAYING_MS)
      this.#io.say(
        `at the limit of ${number.format(rate)} calls/s, the ${counted(status.backlog, 'lookup')} that wait take ${seconds(ms)}`,
      )
  }

  #enqueuedSoFar(pace = ''): string {
    const refused = this.#refused > 0 ? `; ${number.format(this.#refused)} skipped` : ''
    const repeats = this.#repeats > 0 ? `, ${number.format(this.#repeats)} were there already` : ''
    return `enqueued ${number.format(this.#enqueued - this.#repeats)} on ${this.#queue}${pace}${repeats}${refused}`
  }

  /** After an error or Ctrl-C: says what has been enqueued, and how to go on. */
  #sayWhereItStands(): void {
    const resume = this.#source.named || this.#enqueued === 0 ? '' : `, up to line ${this.#lastLine}`
    this.#io.say(`stopped: ${this.#enqueuedSoFar()}${resume}`)
    const awaited = this.#waiter?.waiting ?? 0
    if (awaited > 0) this.#io.say(`not shown: ${counted(awaited, 'result')}; ${this.#whereResultsGo(awaited === 1)}`)
  }

  #whereResultsGo(isOne: boolean): string {
    const [it, is] = isOne ? ['it', 'is'] : ['they', 'are']
    const { resultQueue } = this.#config
    if (this.#options.common.deliver !== 'wait') return `${it} will be on ${resultQueue}`
    return `${it} will not be on ${resultQueue}, and ${is} kept for RESULT_KEEP_MS: enqueue with the same idempotency key again`
  }
}

function idsOf(chunk: NewLookup[]): string[] {
  return chunk.map(({ lookupId }) => lookupId)
}

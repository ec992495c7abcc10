/**
 * Works on one lookup queue: takes a lookup, has it run (lookup-run.ts), concludes what becomes of it (conclusion.ts), and
 * tells BullMQ (lookup-taker.ts). Takes none while the fleet holds, a suspect runs alone, or Redis refuses.
 */

import { monotonic } from '../clock.ts'
import type { Observe } from '../domain/event.ts'
import { type LookupHistory, wentBack } from '../domain/history.ts'
import type { Lane } from '../domain/lane.ts'
import { boundReads } from '../queues/bounded-reads.ts'
import { disown } from '../queues/foreign-options.ts'
import type { KeptEnd } from '../queues/kept-end.ts'
import type { LookupHistories } from '../queues/lookup-history.ts'
import type { Publisher } from '../queues/publisher.ts'
import { hasTakeable } from '../queues/queue-state.ts'
import { Retried } from '../queues/retried.ts'
import { isSuspect, type TakenLookup, takenFrom } from '../queues/taken-lookup.ts'
import type { Redis } from '../redis/connections.ts'
import { isRefusal, redisTrouble } from '../redis/errors.ts'
import { type QueueNames, queueOf } from '../redis/names.ts'
import type { Attempt } from './attempt.ts'
import { type Conclusion, Conclusions, type PutBack } from './conclusion.ts'
import { HandBack, InHand, LockLost, MakeWay } from './in-hand.ts'
import { LookupProbe } from './lookup-probe.ts'
import type { LookupRuns } from './lookup-run.ts'
import {
  GaveUp,
  type LookupJob,
  LookupTaker,
  putBack,
  type TakerSettings,
  takerOptions,
  tellBullMQ,
} from './lookup-taker.ts'
import { Rest } from './rest-after-refusal.ts'
import type { Companion, Solitude } from './solitude.ts'
import { Tap } from './tap.ts'

export interface LookupWorkerParts {
  runs: LookupRuns
  publisher: Publisher
  histories: LookupHistories
  solitude: Solitude
  redis: Redis
}

export interface LookupWorkerSettings extends TakerSettings {
  lane: Lane
}

export class LookupWorker implements Companion {
  readonly #worker: LookupTaker
  readonly #names: QueueNames
  readonly #parts: LookupWorkerParts
  readonly #settings: LookupWorkerSettings
  readonly #observe: Observe
  readonly #tap: Tap
  readonly #rest: Rest
  readonly #probe: LookupProbe
  readonly #inHand = new InHand()
  readonly #conclusions: Conclusions
  readonly #retried: Retried
  readonly #trouble: (error: unknown) => void
  #stopping = false

  constructor(parts: LookupWorkerParts, names: QueueNames, settings: LookupWorkerSettings, observe: Observe) {
    this.#parts = parts
    this.#names = names
    this.#settings = settings
    this.#observe = observe
    const queue = queueOf(names, settings.lane)
    // It takes two parameters, because for a third one BullMQ would make a signal, and the attempt has its own.
    const process = (job: LookupJob, token?: string) => this.#process(job, token)
    this.#worker = new LookupTaker(queue, process, takerOptions(parts.redis, names.prefix, settings))
    this.#tap = new Tap(this.#worker)
    this.#rest = new Rest(this.#tap)
    this.#probe = new LookupProbe(this.#tap)
    const say = redisTrouble(observe, queue)
    this.#trouble = (error) => {
      say(error)
      if (isRefusal(error)) this.#rest.take()
    }
    this.#retried = new Retried(parts.redis, names, parts.histories.markers)
    this.#conclusions = new Conclusions(parts, observe, this.#trouble)
    this.#listen()
    parts.solitude.join(this)
  }

  get inProgress(): number {
    return this.#inHand.size
  }

  /** The worker takes lookups, and Redis lets it. */
  get isRunning(): boolean {
    const isFetching = this.#worker.isRunning() || this.#tap.isShutBy('hold') || this.#tap.isShutBy('suspect')
    return isFetching && !this.#rest.isRecent && !this.#stopping
  }

  /** The worker could take lookups, but has neither asked for one nor got one for this long. */
  isStuck(forMs: number): boolean {
    const couldTake = this.isRunning && this.#tap.isOpen && this.inProgress < this.#settings.concurrency
    return couldTake && monotonic() - this.#worker.askedAt > forMs
  }

  async start(): Promise<void> {
    await this.#worker.waitUntilReady()
    boundReads(this.#parts.redis)
    this.#tap.begin()
    if (this.#tap.isOpen) this.#fetch()
  }

  #fetch(): void {
    this.#worker.run().catch(this.#trouble)
  }

  /**
   * Takes no more lookups. Those still waiting for their first permit go back at once; those that have called get until
   * `grace` aborts. Resolves when none is left and the worker's connections are closed.
   */
  async stop(grace: AbortSignal): Promise<void> {
    this.#stopping = true
    this.#tap.stop()
    const closed = this.#worker.close()
    this.#inHand.handBackUncalled(new HandBack('shutdown'))
    const handBackAll = () => this.#inHand.handBackAll(new HandBack('shutdown'))
    if (grace.aborted) handBackAll()
    else grace.addEventListener('abort', handBackAll, { once: true })
    await closed
    grace.removeEventListener('abort', handBackAll)
  }

  stepAside(attempt: Attempt): Promise<void> {
    this.#tap.shut('suspect')
    this.#inHand.handBackUncalled(new MakeWay('a suspect is to run alone'), attempt)
    return this.#inHand.untilOnly(attempt)
  }

  comeBack(): void {
    this.#tap.open('suspect')
  }

  /** The fleet is held: no more lookups are taken until `release`. */
  hold(): void {
    if (!this.#probe.isAwaited) this.#tap.shut('hold')
  }

  release(): void {
    this.#tap.open('hold')
    // If it were resumed in the moment in which its loop ends, BullMQ would fetch no more.
    if (this.#tap.isOpen && !this.#worker.isRunning()) this.#fetch()
  }

  /** Whether a lookup could be taken. */
  hasWaiting(): Promise<boolean> {
    return hasTakeable(this.#parts.redis, this.#names, queueOf(this.#names, this.#settings.lane))
  }

  /** While it holds: runs the lookup at the head as the fleet's probe. Resolves when that is over, or none came. */
  probeWithLookup(token: string): Promise<void> {
    return this.#probe.send(token)
  }

  #listen(): void {
    this.#worker.on('error', this.#trouble)
    this.#worker.on('stalled', (lookupId) => this.#observe({ type: 'recovered', lookupId }))
    this.#worker.on('lockRenewalFailed', (ids) => {
      // At once, before another worker takes the lookup up, because BullMQ knows running jobs by their id alone.
      for (const id of ids) this.#inHand.take(id, new LockLost('lock lost'))
    })
    this.#worker.on('failed', (job, error) => {
      // If Redis does not take the result now, the reconciler finds the lookup.
      if (job && !(error instanceof GaveUp))
        this.#parts.publisher.poison(takenFrom(job, this.#settings.lane)).catch(this.#trouble)
    })
  }

  #process(job: LookupJob, token = ''): Promise<KeptEnd> {
    // Suspects of one crash come together, and each is to run alone: none is fetched in vain.
    if (isSuspect({ stalls: job.stalledCounter })) this.#tap.narrow()
    else this.#tap.widen()
    const probe = this.#probe.accept()
    const run = this.#run(job, token, probe?.token ?? null)
    probe?.started({ ended: run.catch(() => {}) })
    return run
  }

  async #run(job: LookupJob, token: string, probe: string | null): Promise<KeptEnd> {
    const taken = takenFrom(job, this.#settings.lane)
    const attempt = this.#parts.runs.begin({ lane: this.#settings.lane, probe })
    this.#inHand.add(taken.lookupId, attempt)
    this.#worker.askedAt = monotonic() // one that ends brings the next along, unasked for
    try {
      const conclusion = await this.#conclude(job, token, taken, attempt)
      if (conclusion.type === 'wait' || conclusion.type === 'delay')
        await this.#putBack(conclusion, job, token, taken, attempt).catch(this.#trouble)
      return tellBullMQ(conclusion, job)
    } finally {
      attempt.close()
      this.#inHand.remove(taken.lookupId, attempt)
      this.#parts.solitude.leave(attempt)
    }
  }

  async #conclude(job: LookupJob, token: string, taken: TakenLookup, attempt: Attempt): Promise<Conclusion> {
    const { runs, redis, solitude } = this.#parts
    try {
      if (this.#stopping) throw new HandBack('shutdown')
      if (solitude.isTaken) throw new MakeWay('a suspect runs alone')
      const disowned = disown(job, redis, this.#names, taken.queue)
      if (disowned) await disowned
      const asked = taken.retried ? await this.#retried.adopt(taken, token) : taken
      return await this.#conclusions.ofEnd(await runs.run(asked, attempt), asked, attempt)
    } catch (error) {
      return this.#conclusions.ofInterruption(error, taken, attempt)
    }
  }

  async #putBack(to: PutBack, job: LookupJob, token: string, taken: TakenLookup, attempt: Attempt): Promise<void> {
    if (to.why === 'hold') this.#tap.shut('hold') // or it would be taken up again at once
    if (to.history) await this.#remember(to, to.history, token, taken, attempt)
    await putBack(job, token, to)
    const told = TOLD[to.why]
    if (told) this.#observe({ type: told, lookupId: taken.lookupId })
  }

  /** A run that ended before its wait was counted leaves that to the next one. */
  async #remember(to: PutBack, history: LookupHistory, token: string, taken: TakenLookup, { isTimed }: Attempt) {
    const { histories } = this.#parts
    const [delayMs, mayBeCharged] = to.type === 'delay' ? [to.ms, to.mayBeCharged] : [0, false]
    const kept = isTimed ? wentBack(history, await histories.time(), delayMs) : history
    await histories.remember(taken, token, kept, mayBeCharged)
  }
}

const TOLD: Partial<Record<PutBack['why'], 'handed-back' | 'held-back'>> = {
  shutdown: 'handed-back',
  hold: 'held-back',
}

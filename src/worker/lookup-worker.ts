/**
 * The only BullMQ Workers: one for each lookup queue that this process serves. Takes a job, has it run, publishes, and
 * turns the end of the run into BullMQ's verbs:
 *
 *     result                 publish, then complete
 *     result `failed`        publish, then fail: the failed set is the dead letters
 *     go back                remember, then delay
 *     the fleet holds        back to wait, at no cost, and no more are taken
 *     shutdown               back to wait, at no cost
 *     a suspect runs alone   back to wait, at no cost
 *     Redis in trouble       leave it: its lock ends, and whoever is alive takes it up
 *
 * Nothing that goes wrong on our side ever fails a job: worse to run a lookup twice than to lose it.
 */

import { DelayedError, type Job, UnrecoverableError, WaitingError, Worker } from 'bullmq'
import { monotonic, now, within } from '../clock.ts'
import type { Observe } from '../domain/event.ts'
import { Held } from '../domain/hold.ts'
import type { Lane } from '../domain/lane.ts'
import type { ResultStatus } from '../domain/result.ts'
import { disown } from '../queues/foreign-options.ts'
import type { LookupHistories } from '../queues/lookup-history.ts'
import type { Publisher } from '../queues/publisher.ts'
import { hasTakeable } from '../queues/queue-state.ts'
import { isSuspect, type RunEnd, type TakenLookup, takenFrom } from '../queues/taken-lookup.ts'
import type { Redis } from '../redis/connections.ts'
import { isRedisError, isRefusal, redisTrouble } from '../redis/errors.ts'
import { type QueueNames, queueOf } from '../redis/names.ts'
import type { Attempt } from './attempt.ts'
import type { LookupRuns } from './lookup-run.ts'
import { Rest } from './redis-refusals.ts'
import type { Companion, Solitude } from './solitude.ts'
import { Tap } from './tap.ts'

export interface LookupWorkerParts {
  runs: LookupRuns
  publisher: Publisher
  histories: LookupHistories
  solitude: Solitude
  redis: Redis
}

export interface LookupWorkerSettings {
  lane: Lane
  concurrency: number
  /** How long a lookup stays this process' own after it was last heard of. */
  lockMs: number
}

/**
 * Longer than LOOKUP_DEADLINE_MS, so that a live process never loses a lookup. With the check every 5 s, a dead one's
 * lookups are taken up again after 40 s at most; later only where an attempt itself may take longer than 25 s.
 */
export function jobLockMs(lookupDeadlineMs: number): number {
  return Math.max(35_000, lookupDeadlineMs + 10_000)
}

const STALLED_CHECK_MS = 5_000
/**
 * Lookups are read-only: running one again harms nobody. One that kills its process ends long before, by what it did when
 * it ran alone (lookup-run.ts); this is for a job that kills whoever only reads it.
 */
const MAX_STALLS = 15
const BEHIND_THE_OTHERS_MS = 1

/** The lookup has had its result, and it is a dead letter. The message is our failure's, nothing else. */
class GaveUp extends UnrecoverableError {
  constructor(reason: string) {
    super(reason)
    this.stack = ''
  }
}

/** What we tell BullMQ that a run has come to. */
function isOurs(error: unknown): error is Error {
  return error instanceof GaveUp || error instanceof DelayedError || error instanceof WaitingError
}

/** How long a lookup may take to come when one is let through as the probe. */
const PROBE_MUST_START_MS = 3_000

class LookupTaker extends Worker {
  /** When it last asked for a job: of a fetch loop that is stuck there is no other sign. */
  askedAt = monotonic()

  protected override moveToActive(token: string, name?: string) {
    this.askedAt = monotonic()
    return super.moveToActive(token, name)
  }

  /**
   * BullMQ fails a job also where Redis refused to complete it. It has had its result, and is no dead letter: it is left,
   * its lock ends, and whoever takes it up completes it.
   */
  protected override async handleFailed(...[error, job, ...rest]: Parameters<Worker['handleFailed']>) {
    if (isOurs(error) || job.deferredFailure) return super.handleFailed(error, job, ...rest)
    this.emit('error', error)
    return undefined as unknown as Job
  }
}

/** Why a running lookup was taken away. */
class HandBack extends Error {}
class MakeWay extends HandBack {}
class LockLost extends Error {}

export class LookupWorker implements Companion {
  readonly #worker: LookupTaker
  readonly #names: QueueNames
  readonly #parts: LookupWorkerParts
  readonly #settings: LookupWorkerSettings
  readonly #observe: Observe
  readonly #rest: Rest
  readonly #trouble: (error: unknown) => void
  readonly #running = new Map<string, Attempt>()
  readonly #tap: Tap
  /** Set while one lookup is let through as the fleet's probe. */
  #probe: { token: string; started: (run: { ended: Promise<unknown> }) => void } | null = null
  /** Set while a suspect runs alone, or waits for it. */
  #aside: { attempt: Attempt; done: () => void } | null = null
  #isStarted = false
  #stopping = false

  constructor(parts: LookupWorkerParts, names: QueueNames, settings: LookupWorkerSettings, observe: Observe) {
    this.#parts = parts
    this.#names = names
    this.#settings = settings
    this.#observe = observe
    // BullMQ makes a signal only for a processor that declares three parameters.
    const process = (job: Job, token?: string, signal?: AbortSignal) => this.#process(job, token, signal)
    this.#worker = new LookupTaker(queueOf(names, settings.lane), process, {
      connection: parts.redis,
      prefix: names.prefix,
      autorun: false,
      concurrency: settings.concurrency,
      lockDuration: settings.lockMs,
      stalledInterval: STALLED_CHECK_MS,
      maxStalledCount: MAX_STALLS,
      drainDelay: 1, // a job handed back with a priority wakes nobody up
      // All are kept: what is too old, retention.ts removes, by Redis' time.
      removeOnComplete: { count: -1 },
      removeOnFail: { count: -1 },
      skipVersionCheck: true, // the preflight asked, and says it better
    })
    this.#tap = new Tap(this.#worker)
    this.#rest = new Rest(this.#tap)
    const say = redisTrouble(observe, queueOf(names, settings.lane))
    this.#trouble = (error) => {
      say(error)
      if (isRefusal(error)) this.#rest.take()
    }
    this.#listen()
    parts.solitude.join(this)
  }

  get inProgress(): number {
    return this.#running.size
  }

  /** It takes lookups, and Redis lets it. */
  get isRunning(): boolean {
    const isFetching = this.#worker.isRunning() || this.#tap.isShutBy('hold') || this.#aside !== null
    return isFetching && !this.#rest.isRecent && !this.#stopping
  }

  /** It could take lookups, and has neither asked for one nor got one for so long. */
  isStuck(forMs: number): boolean {
    const couldTake = this.isRunning && this.#tap.isOpen && this.inProgress < this.#settings.concurrency
    return couldTake && monotonic() - this.#worker.askedAt > forMs
  }

  async start(): Promise<void> {
    await this.#worker.waitUntilReady()
    this.#isStarted = true
    this.#fetch()
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
    this.#handBackUncalled(new HandBack('shutdown'))
    const handBackAll = () => {
      for (const id of this.#running.keys()) this.#takeAway(id, new HandBack('shutdown'))
    }
    if (grace.aborted) handBackAll()
    else grace.addEventListener('abort', handBackAll, { once: true })
    await closed
    grace.removeEventListener('abort', handBackAll)
  }

  stepAside(attempt: Attempt): Promise<void> {
    this.#tap.shut('suspect')
    this.#handBackUncalled(new MakeWay('a suspect is to run alone'), attempt)
    return new Promise((done) => {
      this.#aside = { attempt, done }
      this.#lookAside()
    })
  }

  comeBack(): void {
    this.#aside = null
    this.#tap.open('suspect')
  }

  #lookAside(): void {
    const others = [...this.#running.values()].filter((attempt) => attempt !== this.#aside?.attempt)
    if (others.length === 0) this.#aside?.done()
  }

  #handBackUncalled(reason: HandBack, except?: Attempt): void {
    for (const [id, attempt] of this.#running) if (attempt !== except && !attempt.hasCalled) this.#takeAway(id, reason)
  }

  /** The fleet holds: no more lookups are taken until `release`. */
  hold(): void {
    if (!this.#probe) this.#tap.shut('hold')
  }

  release(): void {
    this.#tap.open('hold')
    // Resumed in the very moment in which its loop ended, BullMQ would fetch no more.
    if (this.#isStarted && this.#tap.isOpen && !this.#worker.isRunning()) this.#fetch()
  }

  /** Is there a lookup that could be taken? */
  hasWaiting(): Promise<boolean> {
    return hasTakeable(this.#parts.redis, this.#names, queueOf(this.#names, this.#settings.lane))
  }

  /** While it holds: runs the lookup at the head as the fleet's probe. Resolves when that is over, or none came. */
  async probeWithLookup(token: string): Promise<void> {
    if (!this.#tap.letOneThrough()) return
    const started = new Promise<{ ended: Promise<unknown> }>((resolve) => {
      this.#probe = { token, started: resolve }
    })
    const run = await within(PROBE_MUST_START_MS, started)
    if (run === 'late') this.#endProbe()
    else await run.ended
  }

  #endProbe(): void {
    this.#probe = null
    // Unless it has been released meanwhile, by what the probe came to.
    if (this.#tap.isShutBy('hold')) this.#tap.shut('hold')
  }

  #listen(): void {
    this.#worker.on('error', this.#trouble)
    this.#worker.on('stalled', (lookupId) => this.#observe({ type: 'recovered', lookupId }))
    this.#worker.on('lockRenewalFailed', (ids) => {
      // At once, before somebody else takes it up: BullMQ knows running jobs by their id alone.
      for (const id of ids) this.#takeAway(id, new LockLost('lock lost'))
    })
    this.#worker.on('failed', (job, error) => {
      // Not given up by us: BullMQ itself failed it, for it stalled too often.
      // Should Redis not take its result now, the reconciler finds it.
      if (job && !(error instanceof GaveUp))
        this.#parts.publisher.poison(takenFrom(job, this.#settings.lane)).catch(this.#trouble)
    })
  }

  #takeAway(id: string, reason: Error): void {
    this.#worker.cancelJob(id, reason as unknown as string)
  }

  #process(job: Job, token = '', signal = new AbortController().signal): Promise<{ status: ResultStatus }> {
    // Suspects of one crash come together, and each is to run alone: none is fetched in vain.
    if (isSuspect({ stalls: job.stalledCounter })) this.#tap.narrow()
    else this.#tap.widen()
    // The first lookup that comes is the probe; no other may come beside it.
    const probe = this.#probe
    if (probe) this.#endProbe()
    const run = this.#run(job, token, signal, probe?.token ?? null)
    probe?.started({ ended: run.catch(() => {}) })
    return run
  }

  async #run(job: Job, token: string, signal: AbortSignal, probe: string | null): Promise<{ status: ResultStatus }> {
    const taken = takenFrom(job, this.#settings.lane)
    const attempt = this.#parts.runs.begin({ lane: this.#settings.lane, probe }, signal)
    this.#running.set(taken.lookupId, attempt)
    this.#worker.askedAt = monotonic() // one that ends brings the next along, unasked for
    try {
      if (this.#stopping) throw new HandBack('shutdown')
      if (this.#parts.solitude.isTaken) throw new MakeWay('a suspect runs alone')
      await disown(job, this.#parts.redis, this.#names, taken.queue)
      const end = await this.#parts.runs.run(taken, attempt)
      return await this.#conclude(job, token, signal, taken, end)
    } catch (error) {
      throw await this.#leave(error, job, token, taken)
    } finally {
      attempt.close()
      // A run that lost its lock may end after the next one of the same lookup has begun.
      if (this.#running.get(taken.lookupId) === attempt) this.#running.delete(taken.lookupId)
      this.#parts.solitude.leave(attempt)
      this.#lookAside()
    }
  }

  async #conclude(job: Job, token: string, signal: AbortSignal, taken: TakenLookup, end: RunEnd) {
    switch (end.type) {
      case 'has-result':
        this.#observe({ type: 'suppressed', lookupId: taken.lookupId })
        if (end.status === 'failed') throw new GaveUp('failed')
        return { status: end.status }
      case 'result':
        await this.#parts.publisher.untilDone(end.result, end.failure, taken, signal, this.#trouble)
        if (end.result.status === 'failed') throw new GaveUp(`${end.failure?.code}: ${end.failure?.message}`)
        return { status: end.result.status }
      case 'make-way':
        throw new MakeWay('another suspect runs alone')
      case 'held':
        await this.#parts.histories.remember(taken, token, end.history, false)
        this.#tap.shut('hold')
        await job.moveToWait(token)
        throw new WaitingError()
      case 'go-back':
        await this.#parts.histories.remember(taken, token, end.history, end.mayBeCharged)
        await job.moveToDelayed(now() + end.delayMs, token)
        throw new DelayedError()
    }
  }

  /** What to tell BullMQ when a run did not come to an end of its own. Never an error that would fail the job. */
  async #leave(error: unknown, job: Job, token: string, taken: TakenLookup): Promise<Error> {
    if (isOurs(error)) return error
    const { lookupId } = taken
    if (error instanceof LockLost) {
      this.#observe({ type: 'lock-lost', lookupId })
      if (isSuspect(taken)) void this.#parts.histories.endAlone(taken).catch(this.#trouble)
      return new WaitingError()
    }
    if (isRedisError(error)) this.#trouble(error)
    else if (!(error instanceof HandBack || error instanceof Held))
      this.#observe({ type: 'internal-error', lookupId, where: 'run', error })
    try {
      if (error instanceof Held) await this.#holdBack(job, token, taken)
      else if (error instanceof HandBack) await this.#handBack(job, token, taken, error)
      else await job.moveToDelayed(now() + 1000 * (1 + Math.random()), token)
    } catch {
      // Left where it is: the lock ends, and a live worker takes it up.
    }
    return new WaitingError()
  }

  async #handBack(job: Job, token: string, taken: TakenLookup, reason: HandBack): Promise<void> {
    await this.#rememberRun(taken, token)
    await job.moveToWait(token)
    if (!(reason instanceof MakeWay)) this.#observe({ type: 'handed-back', lookupId: taken.lookupId })
  }

  /** As the probe it has been asked for in vain: behind the others, for it may be its own fault. */
  async #holdBack(job: Job, token: string, taken: TakenLookup): Promise<void> {
    const isProbe = this.#running.get(taken.lookupId)?.isProbe
    this.#tap.shut('hold') // or it would be taken up again at once
    await this.#rememberRun(taken, token)
    if (isProbe) await job.moveToDelayed(now() + BEHIND_THE_OTHERS_MS, token)
    else await job.moveToWait(token)
    this.#observe({ type: 'held-back', lookupId: taken.lookupId })
  }

  /** What a run that came to nothing leaves: its calls, or that it was none. */
  async #rememberRun(taken: TakenLookup, token: string): Promise<void> {
    const calls = this.#running.get(taken.lookupId)?.calls ?? 0
    const { history } = await this.#parts.histories.recall(taken)
    const idle = calls > 0 ? history.idle : history.idle + 1
    await this.#parts.histories.remember(taken, token, { ...history, calls: history.calls + calls, idle }, false)
  }
}

/**
 * Tells the fleet how calls ended. Good answers are told together, ten times a second; anything else at once, with all
 * good ones before it, so that failures never seem to be more in a row than they were.
 */

import { monotonic, sleep } from '../clock.ts'
import type { CallReport } from '../domain/hold.ts'

export interface Batch {
  answered: number
  /** When the last of them came, on this process's monotonic clock. */
  answeredAt: number
  failed: number
  /** When the last of the calls that failed began, on the same clock. */
  failedBeganAt: number
  /** Answered last, at most two different ones. */
  ids: string[]
  kinds: string[]
  configuration: string
  /** True if every configuration refusal in this batch came from a lookup that had been refused before. */
  ofTroubled: boolean
  retryAfterMs: number
}

const TOGETHER_MS = 100
/** What the fleet remembers of kinds of answers is no longer than this. */
const KINDS_KEPT = 20

export class Reports<Reply> {
  readonly #send: (batch: Batch) => Promise<Reply | null>
  #batch = emptyBatch()
  #sending: Promise<Reply | null> | null = null
  #timer: Promise<void> | null = null

  /** `send` must not reject. */
  constructor(send: (batch: Batch) => Promise<Reply | null>) {
    this.#send = send
  }

  /** Resolves to the fleet's answer, or to null at once for an answer that nobody need think about. */
  tell(report: CallReport): Promise<Reply | null> {
    addTo(this.#batch, report)
    if (!report.answered || report.kind !== null || report.configuration !== undefined) return this.flush()
    this.#timer ??= sleep(TOGETHER_MS).then(() => {
      this.#timer = null
      void this.flush()
    })
    return Promise.resolve(null)
  }

  /** Sends what there is: one after the other, so that order is kept. */
  async flush(): Promise<Reply | null> {
    const before = this.#sending
    const mine = (async () => {
      await before
      return isEmpty(this.#batch) ? before : this.#sendNow()
    })()
    this.#sending = mine
    return mine
  }

  #sendNow(): Promise<Reply | null> {
    const batch = this.#batch
    this.#batch = emptyBatch()
    return this.#send(batch)
  }
}

function emptyBatch(): Batch {
  return {
    answered: 0,
    answeredAt: 0,
    failed: 0,
    failedBeganAt: 0,
    ids: [],
    kinds: [],
    configuration: '',
    ofTroubled: false,
    retryAfterMs: 0,
  }
}

function isEmpty({ answered, failed, configuration, retryAfterMs }: Batch): boolean {
  return answered + failed + retryAfterMs === 0 && configuration === ''
}

/** A batch of this one report. */
export function batchOf(report: CallReport): Batch {
  const batch = emptyBatch()
  addTo(batch, report)
  return batch
}

function addTo(batch: Batch, report: CallReport): void {
  const { answered, kind, connectionId, configuration, retryAfterMs = 0, tookMs = 0, ofTroubled = false } = report
  batch.retryAfterMs = Math.max(batch.retryAfterMs, Math.ceil(retryAfterMs))
  if (!answered && ofTroubled && configuration === undefined) return
  if (!answered) batch.failedBeganAt = Math.max(batch.failedBeganAt, monotonic() - tookMs)
  if (configuration !== undefined) {
    batch.ofTroubled = ofTroubled && (batch.configuration === '' || batch.ofTroubled)
    batch.configuration = configuration
    return
  }
  if (!answered) {
    batch.failed++
    return
  }
  batch.answered++
  batch.answeredAt = monotonic()
  batch.kinds = [...batch.kinds, kind ?? '-'].slice(-KINDS_KEPT)
  if (connectionId !== undefined && kind === null) {
    batch.ids = [...batch.ids.filter((id) => id !== connectionId), connectionId].slice(-2)
  }
}

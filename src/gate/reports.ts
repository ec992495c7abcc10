/**
 * Tells the fleet how calls ended. Good answers are told together, ten times a second; anything else at once, with all
 * good ones before it, so that failures never seem to be more in a row than they were; and so many that found nothing that
 * the fleet would ask whether the service has forgotten. What the fleet decides by itself (a refusal, a pause) is told by
 * itself.
 */

import { monotonic, sleep } from '../clock.ts'
import { type CallReport, isUnread, NOT_FOUND } from '../domain/hold.ts'
import { GUARD } from './report-question.ts'
import type { EndedCalls } from './report-script.ts'

/** Times are of this process's monotonic clock. */
export interface Batch extends Omit<EndedCalls, 'answeredAgoMs' | 'failedBeganAgoMs' | 'endedAgoMs'> {
  answeredAt: number
  failedBeganAt: number
  endedAt: number
}

const TOGETHER_MS = 100
/** The fleet remembers no more kinds of answers than this. */
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

  /** Resolves to the fleet's answer, or to null at once if nobody needs the answer. */
  tell(report: CallReport): Promise<Reply | null> {
    addTo(this.#batch, report)
    if (!report.answered || (report.kind !== null && report.kind !== NOT_FOUND)) return this.flush()
    if (report.kind === NOT_FOUND && findNothing(this.#batch)) void this.flush()
    this.#timer ??= sleep(TOGETHER_MS).then(() => {
      this.#timer = null
      void this.flush()
    })
    return Promise.resolve(null)
  }

  /** Sends what there is, one batch after the other, so that their order is kept. */
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

export function emptyBatch(): Batch {
  return {
    answered: 0,
    answeredAt: 0,
    unread: 0,
    failed: 0,
    failedBeganAt: 0,
    endedAt: 0,
    ids: [],
    enrichedId: '',
    kinds: [],
    hows: [],
    configuration: '',
    refusedId: '',
    ofTroubled: false,
    retryAfterMs: 0,
    waitsFor: '',
    awaits: '',
  }
}

function findNothing({ kinds }: Batch): boolean {
  return kinds.length >= GUARD.of && kinds.filter((kind) => kind === NOT_FOUND).length >= GUARD.of * GUARD.share
}

function isEmpty({ answered, unread, failed, kinds }: Batch): boolean {
  return answered + unread + failed + kinds.length === 0
}

/** A batch of this one report. */
export function batchOf(report: CallReport): Batch {
  const { configuration = '', connectionId = '', retryAfterMs = 0, ofTroubled = false } = report
  const batch = { ...emptyBatch(), ofTroubled, configuration, retryAfterMs: Math.ceil(retryAfterMs) }
  if (configuration === '') addTo(batch, report)
  else Object.assign(batch, { refusedId: connectionId, failedBeganAt: beganAt(report), endedAt: monotonic() })
  return batch
}

function beganAt({ tookMs = 0 }: CallReport): number {
  return monotonic() - tookMs
}

function addTo(batch: Batch, report: CallReport): void {
  const { answered, kind, says, ofTroubled = false } = report
  batch.endedAt = monotonic()
  if (answered || !ofTroubled) {
    const said = says === undefined ? (kind ?? '-') : `${kind} ${says}`
    if (answered || kind !== null) addLast(batch.kinds, said)
  }
  if (!answered) addFailure(batch, report)
  else if (isUnread(report)) batch.unread++
  else addAnswer(batch, report)
}

/** In place, because each answer comes by here. */
function addLast(kinds: string[], said: string): void {
  if (kinds.push(said) > KINDS_KEPT) kinds.shift()
}

function addFailure(batch: Batch, report: CallReport): void {
  if (report.ofTroubled) return
  batch.failed++
  batch.failedBeganAt = Math.max(batch.failedBeganAt, beganAt(report))
  if (report.how !== undefined) batch.hows.push(report.how)
}

function addAnswer(batch: Batch, { kind, connectionId }: CallReport): void {
  batch.answered++
  batch.answeredAt = monotonic()
  if (connectionId === undefined || (kind !== null && kind !== NOT_FOUND)) return
  const last = batch.ids.at(-1)
  if (last !== connectionId) batch.ids = last === undefined ? [connectionId] : [last, connectionId]
  if (kind === null) batch.enrichedId = connectionId
}

/** What can go wrong with a lookup that somebody asks for, as errors that a program can tell apart. */

/** Redis is away, or refuses; the message names which one and the cure. It may be there again. */
export class RedisUnavailable extends Error {
  override readonly name = 'RedisUnavailable'
  /**
   * The lookup may be on the queue: Redis went away while it was added, and did not say. Asking again with the same
   * idempotency key is safe.
   */
  readonly mayBeOnQueue: boolean

  constructor(message: string, options?: ErrorOptions & { mayBeOnQueue?: boolean }) {
    super(message, options)
    this.mayBeOnQueue = options?.mayBeOnQueue ?? false
  }
}

/** What was asked is no lookup. The message names the field, what was expected and what kind of thing was got. */
export class InvalidLookup extends Error {
  override readonly name = 'InvalidLookup'
}

/** What was to be searched for is no selection. The message names the field and what was expected. */
export class InvalidSelection extends Error {
  override readonly name = 'InvalidSelection'
}

/** The idempotency key was given before, with another connection id. Nothing was enqueued. */
export class KeyConflict extends Error {
  override readonly name = 'KeyConflict'
}

/** There is no result within the time. The lookup goes on, unless it was to be cancelled, and that came in time. */
export class LookupTimeout extends Error {
  override readonly name = 'LookupTimeout'
  readonly lookupId: string
  /** It has ended as `failed`, code `cancelled`. False: it goes on, or has just had another result. */
  readonly isCancelled: boolean

  constructor(lookupId: string, timeoutMs: number, isCancelled = false) {
    const then = isCancelled ? 'it was cancelled' : 'it was not cancelled'
    super(`lookup ${lookupId}: expected its result within ${timeoutMs} ms, got none; ${then}`)
    this.lookupId = lookupId
    this.isCancelled = isCancelled
  }
}

/**
 * The lookup had its result before anybody waited for it here (the same idempotency key was used before), and the result is
 * not kept any more; or it was taken off the queue.
 */
export class ResultGone extends Error {
  override readonly name = 'ResultGone'
  readonly lookupId: string
  /** What the result was; null: it is forgotten, or the lookup was removed from the queue. */
  readonly status: string | null

  constructor(lookupId: string, status: string | null) {
    const got = status === null ? 'a lookup that was removed from its queue' : `one whose result (${status}) was taken`
    super(`lookup ${lookupId}: expected a lookup that is yet to have its result, got ${got}`)
    this.lookupId = lookupId
    this.status = status
  }
}

/** The enricher was closed. */
export class Closed extends Error {
  override readonly name = 'Closed'

  constructor() {
    super('ChatEnricher: expected one that is open, got one that was closed')
  }
}

/** One call to the service outside of any queue, for a person at a terminal. */

import { orAborted, sleep, within } from '../clock.ts'
import type { ConfigOf } from '../config/config.ts'
import type { CallEnd } from '../domain/call-end.ts'
import { Held, NOT_FOUND } from '../domain/hold.ts'
import type { CodeMeanings } from '../domain/response-codes.ts'
import { Gate } from '../gate/gate.ts'
import { heldCallInWords, holdInWords } from '../gate/hold-words.ts'
import { Holds } from '../gate/holds.ts'
import { probe } from '../gate/probe.ts'
import type { Redis } from '../redis/connections.ts'
import { impatientConnection } from '../redis/connections.ts'
import { SoapClient } from '../soap/client.ts'
import { Attempt, type CallGate } from '../worker/attempt.ts'
import { type CallConfig, gateKeysOf, gateOptions } from './gate-settings.ts'
import { soapSettings } from './soap-settings.ts'

const REDIS_MAY_TAKE_MS = 1000
const TURN_MAY_TAKE_MS = 1000
const LOOK_AGAIN_MS = 200

export type OneCallConfig = CallConfig & ConfigOf<'redis'>

/** What the person who waits is told. */
export interface OneCallNews {
  /** There is no Redis to ask for permission; `why` says the reason. */
  withoutGate(why: string): void
  /** The permission takes longer than a moment. */
  waiting(): void
  /** The fleet is held: this call waits until a probe may be made, and is that probe. */
  held(hold: string): void
}

/**
 * Calls when the fleet's gate permits it. If Redis does not answer, the call is made anyway, after `withoutGate`, because
 * what somebody tries by hand in an outage must not depend on Redis too.
 */
export async function oneCall(
  config: OneCallConfig,
  connectionId: string,
  signal: AbortSignal,
  news: OneCallNews,
): Promise<CallEnd> {
  const settings = soapSettings(config)
  const client = new SoapClient(settings) // first: what it throws leaves no connection behind
  const redis = impatientConnection(config, 'lookup')
  let why = `no answer in ${REDIS_MAY_TAKE_MS / 1000} s`
  redis.on('error', (error: NodeJS.ErrnoException) => {
    why = error.code ?? error.message
  })
  try {
    const isThere = await isReady(redis, signal)
    const { codes } = settings
    if (isThere) return await gatedCall({ redis, client, codes }, config, connectionId, signal, news)
    news.withoutGate(why)
    return await client.call(connectionId, signal)
  } finally {
    redis.disconnect()
    await client.close()
  }
}

async function isReady(redis: Redis, signal: AbortSignal): Promise<boolean> {
  const ready = new Promise<void>((resolve) => redis.once('ready', resolve))
  return (await within(REDIS_MAY_TAKE_MS, orAborted(ready, signal))) !== 'late'
}

async function gatedCall(
  { redis, client, codes }: { redis: Redis; client: SoapClient; codes: CodeMeanings },
  config: CallConfig,
  connectionId: string,
  signal: AbortSignal,
  news: OneCallNews,
): Promise<CallEnd> {
  const gate = new Gate(redis, gateKeysOf(config), gateOptions(config))
  const holds = new Holds(redis, gateKeysOf(config))
  codes.accept(await holds.accepted())
  const parts = { client, gate: quiet(gate), codes, deadlineMs: config.lookupDeadlineMs }
  const attempt = (probe: string | null) => new Attempt(parts, { lane: 'interactive', probe }, signal)
  gate.answerQuestions(({ token, connectionId: known }) => void callOnce(attempt(token), known).catch(() => {}))
  try {
    const first = attempt(null)
    const answer = callOnce(first, connectionId)
    const isLate =
      (await within(
        TURN_MAY_TAKE_MS,
        answer.catch(() => {}),
      )) === 'late'
    if (isLate && !first.hasCalled) news.waiting()
    return await answer
  } catch (error) {
    if (!(error instanceof Held)) throw error
    const { at, holds: on } = await holds.read()
    if (on[0]) news.held(`${holdInWords(on[0], at)}\n${heldCallInWords(on, at)}`)
    return await whenHoldAllows((token) => callOnce(attempt(token), connectionId), holds, config, signal)
  } finally {
    await gate.flush()
  }
}

/** A refusal of an id that a person chose raises no suspicion, unless the call was a probe. */
function quiet(gate: Gate): CallGate {
  return {
    permit: (request, signal) => gate.permit(request, signal),
    report: async (report, probe = null) =>
      probe === null && report.kind !== null && report.kind !== NOT_FOUND ? null : gate.report(report, probe),
  }
}

async function callOnce(attempt: Attempt, connectionId: string): Promise<CallEnd> {
  try {
    return await attempt.call(connectionId)
  } finally {
    attempt.close()
  }
}

/** Calls as the fleet's next probe, with its token; without a token if the fleet is no longer held. */
async function whenHoldAllows<T>(
  call: (token: string | null) => Promise<T>,
  holds: Holds,
  config: CallConfig,
  signal: AbortSignal,
): Promise<T> {
  const options = gateOptions(config)
  while ((await holds.read()).holds.length > 0) {
    const probed = await probe(holds, options, call)
    if (probed) return probed.made
    await sleep(LOOK_AGAIN_MS, signal)
  }
  return call(null)
}

/**
 * What the calls of the fleet say, counted in one place: whether it holds, and whether a hold ends.
 *
 *     stragglers  calls that began before the last hold ended, and fail after it, say nothing new
 *     question    one call tells whose failure it is, before the fleet holds (report-question.ts)
 *     probe       failed: the next one goes after twice the time; answered: the hold ends, at a slower pace at first
 *     pause       the service asked for one (`Retry-After`): no probe before it is over
 *     refused     an answer that cannot be the lookup's fault, or is its own: the question tells
 *     breaker     the service fails: BREAKER_FAILURE_RATIO of at least BREAKER_MIN_CALLS calls in the window; so many in a
 *                 row; or, at any traffic, five and no answer for a whole window
 *     suspicion   nine in ten of the last twenty answers are refusals of one kind, or cannot be read in the same way;
 *                 unless a probe has lately been answered while these were suspected
 *     guard       nine in ten of them found nothing: has the service forgotten?
 */

import type { HoldReason } from '../domain/hold.ts'
import type { Redis } from '../redis/connections.ts'
import type { GateKeys } from '../redis/names.ts'
import { Script } from '../redis/script.ts'
import { HOLD_RECORD_LUA } from './hold-record.ts'
import { HOLDS_LUA } from './report-holds.ts'
import { MEMORY_LUA } from './report-memory.ts'
import { QUESTION_LUA } from './report-question.ts'

/** When the fleet holds, as it is configured. */
export interface HoldSettings {
  failureRatio: number
  minCalls: number
  windowMs: number
  /** Time to the first probe of a hold, and between probes at most, doubling. */
  holdMinMs: number
  holdMaxMs: number
  notFoundGuard: boolean
}

/** Calls that have ended, in the order in which they did. */
export interface EndedCalls {
  answered: number
  /** Answers that could not be read. */
  unread: number
  failed: number
  answeredAgoMs: number
  /** How long ago the last of the failed calls began. */
  failedBeganAgoMs: number
  /** How long ago the last of the calls ended. */
  endedAgoMs: number
  /** The ids answered last, at most two different ones. */
  ids: string[]
  /** The id enriched last, or ''. */
  enrichedId: string
  /**
   * The kinds of the last answers, each with what came with it after a space; '-' for an answer that raises no suspicion.
   */
  kinds: string[]
  /** How the calls failed. */
  hows: string[]
  /** Why an answer cannot be the lookup's fault, or ''; and the id that was asked for. */
  configuration: string
  refusedId: string
  ofTroubled: boolean
  retryAfterMs: number
  /** Token of the question that this refusal has waited for, or ''. */
  waitsFor: string
  /** What a lookup waits to be told: whether it is really not found. */
  awaits: 'not-found' | ''
}

export interface Reporter {
  /** Token, or ''. */
  probe: string
  /** Stamp of the credentials of these calls. */
  credentials: string
  /** A question may be opened under this token, and is open for so long; 0: by nobody here. */
  questionToken: string
  questionMs: number
}

/** To be asked by whoever opened it: a call for this id, as a probe with this token. */
export interface Question {
  token: string
  connectionId: string
}

export interface ReportReply {
  began: HoldReason[]
  ended: HoldReason[]
  /** Kinds of answers that the fleet holds for: they are not believed to be the lookup's. */
  heldKinds: string[]
  /** Whose refusal it was: the lookup's own; not known yet; everybody's, or there was none. */
  failureIs: 'own' | 'undecided' | ''
  /** Token of the question that tells, where it is not known yet. */
  waitsFor: string
  question: Question | null
  /** The fleet asks, or holds, because the service may have forgotten. */
  isNotFoundDoubted: boolean
}

const REPORT_SCRIPT = new Script(`
local HOLD, PAST_HOLDS, MEMORY, ANSWERS = unpack(KEYS)
local settings, report = cjson.decode(ARGV[1]), cjson.decode(ARGV[2])
${HOLD_RECORD_LUA}
local at = math.floor(now())
${MEMORY_LUA}
${HOLDS_LUA}
${QUESTION_LUA}
heedTheClock()
rememberAnswers()
ignoreStragglers()
rememberFailures()
rememberKinds()
countInSlice()
judgeQuestion()
judgeProbe()
pause()
refused()
breaker()
suspicion()
guard()

if #began + #ended > 0 then tell(HOLD) end
local kinds = {}
for _, hold in pairs((readHolds(HOLD, at))) do table.insert(kinds, hold.kind) end
local isDoubted = isNotFoundDoubted() and 1 or 0
return {
  table.concat(began, ','), table.concat(ended, ','), table.concat(kinds, ','), isDoubted, failureIs, waitsFor, asked and asked.id or '',
}`)

export async function reportCalls(
  redis: Redis,
  { hold, pastHolds, memory, answers }: GateKeys,
  { failureRatio, minCalls, windowMs, holdMinMs, holdMaxMs, notFoundGuard }: HoldSettings,
  report: EndedCalls & Reporter,
): Promise<ReportReply> {
  const settings = { failureRatio, minCalls, windowMs, holdMinMs, holdMaxMs, notFoundGuard }
  const args = [JSON.stringify(settings), JSON.stringify(report)]
  return readReply(await REPORT_SCRIPT.run(redis, [hold, pastHolds, memory, answers], args), report.questionToken)
}

type RawReply = [began: string, ended: string, kinds: string, isDoubted: 0 | 1, ...said: [string, string, string]]

function readReply(reply: unknown, token: string): ReportReply {
  const [began, ended, kinds, isDoubted, failureIs, waitsFor, askedId] = reply as RawReply
  return {
    began: listed(began) as HoldReason[],
    ended: listed(ended) as HoldReason[],
    heldKinds: listed(kinds),
    failureIs: failureIs as ReportReply['failureIs'],
    waitsFor,
    question: askedId === '' ? null : { token, connectionId: askedId },
    isNotFoundDoubted: isDoubted === 1,
  }
}

function listed(text: string): string[] {
  return text === '' ? [] : text.split(',')
}

/**
 * Which facts become log lines, and how. Only what an operator wants to read at three in the morning, so nothing for a
 * lookup that goes well. No line holds a connection id, a name, a credential or another program's error text.
 */

import { hash } from 'node:crypto'
import type { LookupEvent, Observe } from '../domain/event.ts'
import { LineBudget, OF_LOOKUPS, OF_PEOPLE, OF_REDIS } from './line-budget.ts'
import type { Logger } from './logger.ts'

/** `redis` says where it is, without user and password. `clock` is monotonic, in milliseconds. */
export function logEvents(logger: Logger, redis: string, clock: () => number): Observe {
  const budget = new LineBudget(clock)
  // No debug line is made to be thrown away: these facts come several times for each lookup.
  const lines: Lines = logger.isLevelEnabled('debug') ? { ...LINES, ...DEBUG_LINES } : LINES
  return (event) => {
    const said = (lines[event.type] as ((event: LookupEvent, redis: string) => Line | null) | undefined)?.(event, redis)
    if (!said) return
    // Whoever asks for debug lines wants all of them.
    const notSaid = said.level === 'debug' ? 0 : askFor(event, budget)
    if (notSaid === null) return
    const { lookupId } = said.fields
    const shown = typeof lookupId === 'string' ? { lookupId: presentable(lookupId) } : {}
    logger[said.level]({ ...said.fields, ...shown, ...(notSaid > 0 && { notSaid }) }, said.message)
  }
}

function askFor(event: LookupEvent, budget: LineBudget): number | null {
  if (event.type === 'request-finished' && !FLOODS.includes(event.status)) return 0
  if (event.type === 'redis-error') return budget.ask(`redis-error ${event.kind}`, OF_REDIS)
  if (event.type === 'redis-ready') return budget.ask(event.type, OF_REDIS) // each connection hears of it
  if (event.type === 'not-told') return budget.ask(`not-told ${event.what}`, OF_PEOPLE)
  return budget.ask(event.type, OF_LOOKUPS)
}

/** What is refused, or left, may come ten thousand times a second. */
const FLOODS = [401, 403, 404, 408, 429, 499, 503]

/** Our ids and BullMQ's numbers are safe to show. The job id of a foreign producer may be a customer's name. */
function presentable(lookupId: string): string {
  if (/^(lk-[0-9a-f]{32}|\d{1,20})$/.test(lookupId)) return lookupId
  return `hash:${hash('sha256', lookupId).slice(0, 16)}`
}

interface Line {
  level: 'debug' | 'info' | 'warn' | 'error'
  message: string
  fields: Record<string, unknown>
}

type Lines = { [K in LookupEvent['type']]?: (event: Extract<LookupEvent, { type: K }>, redis: string) => Line | null }

const DEBUG_LINES: Lines = {
  retry: ({ lookupId, when, reason, delayMs }) => ({
    level: 'debug',
    message: `lookup to be tried again ${when}`,
    fields: { lookupId, reason, delayMs },
  }),
  verdict: ({ lookupId, verdict, reason, calls }) => ({
    level: 'debug',
    message: `attempt: ${verdict.replace('-', ' ')}`,
    fields: { lookupId, verdict, reason, calls },
  }),
  'handed-back': ({ lookupId }) => ({ level: 'debug', message: 'lookup handed back', fields: { lookupId } }),
  'held-back': ({ lookupId }) => ({
    level: 'debug',
    message: 'lookup back in its place: the fleet holds',
    fields: { lookupId },
  }),
}

const LINES: Lines = {
  started: ({ what, details }) => ({ level: 'info', message: `${what} started`, fields: details }),
  stopping: ({ reason }) => ({ level: 'info', message: `stopping: ${reason}`, fields: {} }),
  stopped: ({ clean, durationMs }) => ({
    level: clean ? 'info' : 'warn',
    message: clean ? 'stopped' : 'stopped, but not all lookups could be handed back: their locks end in 40 s at most',
    fields: { durationMs: Math.round(durationMs) },
  }),
  held: ({ hold: { reason, why, since, nextProbeAt, expiresAt }, at, cure }) => ({
    level: 'warn',
    message: `the fleet holds its calls (${reason}): ${why}. Do: ${cure}`,
    fields: {
      reason,
      heldForMs: Math.round(at - since),
      ...(nextProbeAt !== null && { nextProbeInMs: Math.round(nextProbeAt - at) }),
      // One for results is prolonged as long as it is needed.
      ...(nextProbeAt === null && reason !== 'results' && { endsInMs: Math.round(expiresAt - at) }),
    },
  }),
  released: ({ hold: { reason, since }, at }) => ({
    level: 'info',
    message: `the hold is over (${reason})`,
    fields: { reason, heldForMs: Math.round(at - since) },
  }),
  published: ({ lookupId, status, failure }) =>
    failure
      ? {
          level: status === 'failed' ? 'warn' : 'info',
          message: `lookup ${status}: ${failure.message}`,
          fields: {
            lookupId,
            code: failure.code,
            soapFaultCode: failure.soapFaultCode,
            httpStatus: failure.httpStatus,
          },
        }
      : null,
  suppressed: ({ lookupId }) => ({
    level: 'info',
    message: 'lookup had its result already; not published again',
    fields: { lookupId },
  }),
  recovered: ({ lookupId }) => ({
    level: 'warn',
    message: 'lookup taken back from a worker that died or lost Redis',
    fields: { lookupId },
  }),
  adopted: ({ lookupId }) => ({
    level: 'warn',
    message: 'lookup lay in no list of its queue; put back',
    fields: { lookupId },
  }),
  'set-apart': ({ lookupId, stalls }) => ({
    level: 'warn',
    message: 'lookup lost its worker again and again; running it alone',
    fields: { lookupId, stalls },
  }),
  'lock-lost': ({ lookupId }) => ({
    level: 'warn',
    message: 'lookup lost its lock while this worker was frozen or without Redis; another worker runs it',
    fields: { lookupId },
  }),
  'internal-error': ({ lookupId, where, error }) => ({
    level: 'error',
    message: 'a mistake of ours; the lookup goes back, at no cost to it',
    fields: { lookupId, where, error: nameAndPlace(error) },
  }),
  'request-finished': ({ method, route, status, durationMs, who }) => ({
    level: 'info',
    message: `${method} ${route} ${status}`,
    fields: { durationMs: Math.round(durationMs), ...(who !== null && { who }) },
  }),
  'request-failed': ({ route, error }) => ({
    level: 'error',
    message: 'a mistake of ours; the request was answered with status 500',
    fields: { route, error: nameAndPlace(error) },
  }),
  'tokens-stale': ({ why }) => {
    if (why === null) return { level: 'info', message: 'API_TOKENS: the file counts again', fields: {} }
    const message = `API_TOKENS: the file does not count: ${why}. Tokens that were taken out of it are still accepted. Do: mend the file`
    return { level: 'error', message, fields: {} }
  },
  'result-posted': ({ outcome, status, code, durationMs }) => {
    if (outcome === 'delivered') return null
    const how = status === undefined ? outcome : `HTTP ${status}`
    const fields = { outcome, ...(code && { code }), durationMs: Math.round(durationMs) }
    return { level: 'warn', message: `webhook: expected a 2xx, got ${how}; the result comes again`, fields }
  },
  'webhook-held': ({ why }) => {
    if (why === null) return { level: 'info', message: 'webhook: a 2xx again; the hold is over', fields: {} }
    return { level: 'error', message: `webhook HELD: ${WEBHOOK_HELD[why]}`, fields: {} }
  },
  'not-told': ({ what, why }) => ({
    level: 'warn',
    message: `${what === 'notify' ? 'NOTIFY_URL' : 'HEARTBEAT_URL'}: expected a 2xx, got ${why}; it is tried again`,
    fields: {},
  }),
  'redis-error': ({ kind, where, word, code }, redis) => ({
    level: 'error',
    message: `Redis at ${redis}: ${code ? `${code}: ` : ''}${REDIS_TROUBLE[kind]}`,
    fields: { kind, where, ...(word && { word }), ...(code && { code }) },
  }),
  'redis-unknown': ({ what }) => ({ level: 'warn', message: what, fields: {} }),
  'memory-policy': ({ policy, isSafe, isFirst }, redis) => {
    if (isSafe && isFirst) return null
    const message = isSafe
      ? `Redis at ${redis}: maxmemory-policy is noeviction again`
      : `Redis at ${redis}: maxmemory-policy is ${policy} now, which may throw lookups away: CONFIG SET maxmemory-policy noeviction`
    return { level: isSafe ? 'info' : 'error', message, fields: { policy } }
  },
  'redis-ready': ({ where }, redis) => ({
    level: 'info',
    message: `Redis at ${redis} is there again`,
    fields: { where },
  }),
}

/** Also what /readyz says. */
export const WEBHOOK_HELD: Record<'gone' | 'silent', string> = {
  gone: 'HTTP 410: the receiver wants no more results. Do: correct WEBHOOK_URL, or stop this process. One try every five minutes; no result is lost',
  silent:
    'no 2xx for four hours. Do: look at the receiver, WEBHOOK_URL and WEBHOOK_SECRET. One try every five minutes; no result is lost',
}

const REDIS_TROUBLE: Record<Extract<LookupEvent, { type: 'redis-error' }>['kind'], string> = {
  connection: 'no connection; it is tried again and again, and lookups go on when it is back',
  timeout: 'no answer in time; it is asked again',
  oom: 'OOM: its memory is full, so it takes no writes; raise its maxmemory, or delete what else lies in it',
  readonly: 'READONLY: it is a replica, which takes no writes; connecting again, to find the master',
  misconf:
    'MISCONF: it cannot save its data, so it takes no writes; make room on its disk (its own log says what failed)',
  noreplicas: 'NOREPLICAS: too few replicas for a write; bring them back, or lower min-replicas-to-write',
  busy: 'BUSY: a script runs for longer than busy-reply-threshold; wait for it, or SCRIPT KILL',
  loading: 'still loading its data',
  auth: 'it refuses our user or password, or a command that its ACL does not allow; check REDIS_URL and the ACL',
  lock: 'a lock was lost while it was away; another worker runs that lookup',
  other: 'an error',
}

/** Only the stack's frames: they say where, while the message before them may be anybody's text. */
function nameAndPlace(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { name: typeof error }
  const { stack = '', message } = error
  const behind = stack.slice(stack.indexOf(message) + message.length)
  const frames = behind.split('\n').filter((line) => /^\s+at .*:\d+\)?$/.test(line))
  return {
    name: error.name,
    code: (error as { code?: unknown }).code,
    at: frames.slice(0, 4).map((line) => line.trim()),
  }
}

/** What `doctor` has found: one line for each thing that it has looked at. */

export const CHECKS = [
  'configuration',
  'unknown-variable',
  'limits',
  'times',
  'credentials',
  'redis-reached',
  'redis-sign-in',
  'redis-role',
  'redis-version',
  'redis-cluster',
  'redis-database',
  'redis-clients',
  'redis-policy',
  'redis-persistence',
  'redis-room',
  'redis-need',
  'redis-hashes',
  'redis-rights',
  'redis-clock',
  'queues-shared',
  'queues-swapped',
  'result-stream',
  'other-queues',
  'queues-by-hand',
  'bullmq-version',
  'workers-agree',
  'results-consumed',
  'held',
  'by-hand',
  'service-reached',
  'service-tls',
  'service-certificate',
  'service-clock',
  'service-wsdl',
  'service-answers',
  'response-codes',
] as const
export type Check = (typeof CHECKS)[number]

export type FindingStatus = 'pass' | 'warn' | 'fail'

export interface Finding {
  check: Check
  status: FindingStatus
  /** No secret, and no connection id. */
  says: string
  /** What to do; null where nothing is wrong. */
  cure: string | null
}

export function pass(check: Check, says: string): Finding {
  return { check, status: 'pass', says, cure: null }
}

export function warn(check: Check, says: string, cure: string): Finding {
  return { check, status: 'warn', says, cure }
}

export function fail(check: Check, says: string, cure: string): Finding {
  return { check, status: 'fail', says, cure }
}

/** What was found, or that nothing was. */
export function orPass(found: readonly Finding[], check: Check, says: string): Finding[] {
  return found.length > 0 ? [...found] : [pass(check, says)]
}

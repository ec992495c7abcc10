/**
 * Defaults that follow what was set, so that no default contradicts a value. Whoever sets one variable alone is never
 * told that another one, which nobody set, does not agree with it.
 */

import type { AllConfig } from './config.ts'

type Given = Partial<AllConfig>
type Following = { readonly [K in keyof AllConfig]?: (given: Given) => AllConfig[K] }

/**
 * What an attempt has beyond its longest call: time for the wait before a retry, and for retrying a call that failed at
 * once.
 */
const BESIDE_A_CALL_MS = 15_000

/** Each function gets what was set, and nothing else. */
export const FOLLOWING: Following = {
  // BullMQ's own prefix, with the hash tag that a Cluster needs to keep all keys on one node.
  prefix: ({ redisClusterNodes }) => (redisClusterNodes ? '{bull}' : 'bull'),
  soapConnectTimeoutMs: ({ soapCallTimeoutMs: call, lookupDeadlineMs: attempt }) => least(3000, call, attempt),
  soapCallTimeoutMs: ({ soapConnectTimeoutMs: connect, lookupDeadlineMs: attempt }) =>
    least(most(10_000, connect), attempt),
  lookupDeadlineMs: ({ soapCallTimeoutMs: call, soapConnectTimeoutMs: connect }) =>
    Math.max(25_000, most(0, call, connect) + BESIDE_A_CALL_MS),
  lookupBackoffMinMs: ({ lookupBackoffMaxMs: max }) => least(1000, max),
  lookupBackoffMaxMs: ({ lookupBackoffMinMs: min }) => most(300_000, min),
  holdMinMs: ({ holdMaxMs: max }) => least(1000, max),
  holdMaxMs: ({ holdMinMs: min }) => most(15_000, min),
}

function least(standard: number, ...given: (number | undefined)[]): number {
  return Math.min(standard, ...given.filter((ms) => ms !== undefined))
}

function most(standard: number, ...given: (number | undefined)[]): number {
  return Math.max(standard, ...given.filter((ms) => ms !== undefined))
}

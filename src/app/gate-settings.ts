/** The gate's settings, from the Config. */

import { createHash } from 'node:crypto'
import type { ConfigOf } from '../config/config.ts'
import type { ResponseCodes } from '../domain/response-codes.ts'
import type { GateOptions } from '../gate/gate.ts'
import type { Limits } from '../gate/limits.ts'
import { type GateKeys, gateKeys, serviceOf } from '../redis/names.ts'
import { type SoapConfig, soapSettings } from './soap-settings.ts'

/** Everything that a call needs. */
export type CallConfig = ConfigOf<'queues' | 'endpoint' | 'soap' | 'calls'>

export function gateOptions(config: CallConfig): GateOptions {
  return {
    ...ownLimits(config),
    interactiveShare: config.interactiveShare,
    quotaCalls: config.quotaCalls,
    quotaPeriodMs: config.quotaPeriodMs,
    soapCallTimeoutMs: config.soapCallTimeoutMs,
    holdMinMs: config.holdMinMs,
    holdMaxMs: config.holdMaxMs,
    failureRatio: config.breakerFailureRatio,
    minCalls: config.breakerMinCalls,
    windowMs: config.breakerWindowMs,
    notFoundGuard: config.notFoundGuard,
    credentials: credentialsStamp(config),
  }
}

/** A process's own limits. Limits that were set by hand win over them. */
export function ownLimits({ ratePerSecond, rateBurst, maxCallsInFlight }: ConfigOf<'calls'>): Limits {
  return { rate: ratePerSecond, burst: rateBurst, inFlight: maxCallsInFlight }
}

export function gateKeysOf(config: ConfigOf<'queues' | 'endpoint'>): GateKeys {
  return gateKeys(config, serviceOf(config.soapEndpoint ?? ''))
}

/**
 * Stands for the credentials and certificates that calls are made with, as they are on disk now: another stamp, other
 * credentials. 32 bits of a hash, so that whoever reads it in Redis learns nothing of them.
 */
function credentialsStamp(config: SoapConfig): () => string {
  const { credentials, tls } = soapSettings(config)
  return stampOf(() => [...Object.values(credentials()), ...Object.values(tls?.() ?? {})], JSON.stringify, 8)
}

/**
 * Stands for all that decides what an answer means to who asked: the service, the credentials, and what response codes
 * mean, those that operators have accepted included.
 */
export function askerStamp(config: SoapConfig, codes: ResponseCodes): () => string {
  const credentials = credentialsStamp(config)
  const { soapEndpoint, soapVersion } = config
  const lists = [codes.enriched, codes.retry, codes.hold].map(sorted)
  const asked = JSON.stringify([serviceOf(soapEndpoint ?? ''), soapVersion, lists])
  const words = (stamp: string, notFound: ResponseCodes['notFound']) =>
    JSON.stringify([asked, stamp, sorted(notFound)?.join() ?? null])
  return stampOf(
    () => [credentials(), codes.notFound] as const,
    (parts) => words(...parts),
    12,
  )
}

function sorted(codes: ReadonlySet<number> | null): number[] | null {
  return codes && [...codes].sort((a, b) => a - b)
}

/** The beginning of a hash, made again only where a part is another one: it is asked for with every call. */
function stampOf<Parts extends readonly unknown[]>(
  read: () => Parts,
  inWords: (parts: Parts) => string,
  length: number,
): () => string {
  let last: readonly unknown[] = []
  let stamp = ''
  return () => {
    const parts = read()
    if (stamp !== '' && parts.length === last.length && parts.every((part, i) => part === last[i])) return stamp
    last = parts
    stamp = createHash('sha256').update(inWords(parts)).digest('hex').slice(0, length)
    return stamp
  }
}

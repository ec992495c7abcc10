/** What the gate is told, out of the Config. */

import { createHash } from 'node:crypto'
import type { ConfigOf } from '../config/config.ts'
import type { GateOptions } from '../gate/gate.ts'
import type { Limits } from '../gate/limits.ts'
import { type GateKeys, gateKeys, serviceOf } from '../redis/names.ts'
import { type SoapConfig, soapSettings } from './soap-settings.ts'

/** All that a call is made with. */
export type CallConfig = ConfigOf<'queues' | 'endpoint' | 'soap' | 'calls'>

export function gateOptions(config: CallConfig): GateOptions {
  return {
    ...config,
    ...ownLimits(config),
    failureRatio: config.breakerFailureRatio,
    minCalls: config.breakerMinCalls,
    windowMs: config.breakerWindowMs,
    credentials: credentialsStamp(config),
  }
}

/** A process's own limits; those set by hand win over them. */
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
  return () =>
    createHash('sha256')
      .update(JSON.stringify([credentials(), tls?.()]))
      .digest('hex')
      .slice(0, 8)
}

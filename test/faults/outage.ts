/** A fault of the service that meets every call, from before the first of them to its cure; it may cost no lookup anything. */

import { expect } from 'vitest'
import type { Environment } from '../support/processes.ts'
import { type Rig, until } from './rig.ts'

/** Short waits, and a lookup that is charged a single attempt fails. */
export const UNFORGIVING: Environment = {
  LOOKUP_ATTEMPTS: '1',
  LOOKUP_BACKOFF_MIN_MS: '50',
  LOOKUP_BACKOFF_MAX_MS: '500',
  SOAP_CALL_TIMEOUT_MS: '1500',
  SOAP_CONNECT_TIMEOUT_MS: '500',
  HOLD_MIN_MS: '100',
  HOLD_MAX_MS: '500',
}

/** For `expect.poll`: a worker on a busy machine may be late with its metrics. */
export const PATIENT = { timeout: 30_000, interval: 100 }

export interface Outage {
  begin(): unknown
  end(): unknown
  /** What is to come about while the fleet holds. */
  meanwhile?(): Promise<void>
  reason?: 'service' | 'configuration'
}

const LOOKUPS = 60

export async function costsNothing(rig: Rig, { begin, end, meanwhile, reason = 'service' }: Outage): Promise<void> {
  await rig.enqueue(1, 'known') // somebody has been answered: a probe has an id to ask for
  await rig.auditor.complete()
  await begin()
  await rig.enqueue(LOOKUPS)
  await until(`the fleet holds (${reason})`, async () => {
    if ((await rig.metric('hold_active', reason)) > 0) return true
    await rig.enqueue(1) // those before may have been answered until the worker saw a file that has changed
    return false
  })
  await until('no lookup sits active', async () => (await rig.queue().getActiveCount()) === 0)
  await meanwhile?.()
  await end()
  expect(await rig.auditor.complete()).toMatchObject({ lost: [], duplicates: [], notEnriched: [] })
  expect(await rig.metric('lookups_recovered_total')).toBe(0)
}

/** Whether what lookups failed with is what the fleet holds for now: put back, they would most likely fail again. */

import type { Hold } from '../domain/hold.ts'
import type { FoundLookup } from './selected.ts'

const OF_THE_SERVICE = ['network', 'timeout', 'http-status', 'soap-fault', 'unreadable']
const OF_THE_CONFIGURATION = ['http-status', 'soap-fault', 'response-code', 'network']

/** Whether there may be lookups that failed with what it is for. */
export function mayBeCause({ reason }: Pick<Hold, 'reason'>): boolean {
  return reason === 'service' || reason === 'configuration'
}

/** Whether this lookup would most likely end again as it did, as long as the fleet holds for this. */
export function isCauseOf(
  hold: Pick<Hold, 'reason' | 'kind'>,
  { failure, fault, responseCode }: Pick<FoundLookup, 'failure' | 'fault' | 'responseCode'>,
): boolean {
  const { reason, kind } = hold
  if (!mayBeCause(hold)) return false
  if (kind?.startsWith('code:')) return kind === `code:${responseCode}`
  if (kind?.startsWith('fault:')) return kind === `fault:${fault}`
  return (reason === 'service' ? OF_THE_SERVICE : OF_THE_CONFIGURATION).includes(failure ?? '')
}

export function refusalInWords({ reason, why }: Hold): string {
  return `the fleet is held for what some of them failed with (${reason}: ${why}): put them back when it calls again, or --force`
}

/** Which variables of the environment are meant for us, and which name a mistyped one should have been. */

import { closest, distance } from 'fastest-levenshtein'

const PREFIXES = ['SOAP_', 'LOOKUP_', 'INTERACTIVE_', 'RESULT_', 'RATE_LIMIT_', 'BREAKER_', 'HOLD_', 'QUOTA_', 'API_']

export function nearestName(name: string, known: readonly string[]): string {
  return closest(name, known)
}

export function ofOurs(name: string, known: readonly string[]): boolean {
  return PREFIXES.some((prefix) => name.startsWith(prefix)) || distance(name, nearestName(name, known)) <= 2
}

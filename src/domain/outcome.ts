/** Outcome: what one call came to, in the terms of the result. Everything else is a LookupFailure. */

import type { ServiceRecord } from './chat-request.ts'

export interface Outcome extends ServiceRecord {
  status: 'enriched' | 'not-found'
}

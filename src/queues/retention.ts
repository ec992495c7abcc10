/**
 * Removes finished lookups whose time is over. BullMQ does so only when another one finishes; a queue that lies idle
 * would keep customers' data for ever.
 */

import type { Queue } from 'bullmq'

export interface Retention {
  lookupRetentionMs: number
  deadLetterRetentionMs: number
}

const AT_ONCE = 1000

export async function removeOld(queue: Queue, { lookupRetentionMs, deadLetterRetentionMs }: Retention): Promise<void> {
  await removeAll(queue, lookupRetentionMs, 'completed')
  await removeAll(queue, deadLetterRetentionMs, 'failed')
}

async function removeAll(queue: Queue, ageMs: number, state: 'completed' | 'failed'): Promise<void> {
  while ((await queue.clean(ageMs, AT_ONCE, state)).length === AT_ONCE);
}

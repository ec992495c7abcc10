/** Why a lookup waits, for people. */

import type { Waits } from '../../domain/waits.ts'
import { counted } from './terminal.ts'

/** `dueAt`: of one that waits for its time. */
export function waitsInWords({ for: what, holds, behind, after }: Waits, dueAt: string | null): string {
  const line = behind === null ? '' : behind === 0 ? 'next in line' : `behind ${counted(behind, 'lookup')}`
  switch (what) {
    case 'time':
      return `delayed until ${dueAt ?? 'later'}${AFTER[after ?? 'asked']}`
    case 'flow':
      return 'waits for the jobs of its flow'
    case 'unpause':
      return 'waits because its queue is paused'
    case 'release':
      return `waits because the fleet holds (${holds.join(', ')})${line && `, ${line}`}`
    case 'turn':
      return `waits for its turn${line && `, ${line}`}`
  }
}

const AFTER = { failure: ' after a failure', recheck: ', to be asked again', asked: ', as its producer asked' }

import { createInterface } from 'node:readline/promises'
import type { Io } from './io.ts'
import { UsageError } from './usage-error.ts'

/** Asks on a terminal; a script has to say --yes. */
export async function isConfirmed(io: Io, question: string, yes: boolean | undefined): Promise<boolean> {
  if (yes) return true
  if (!(io.stdin as { isTTY?: boolean }).isTTY)
    throw new UsageError('--yes: expected it, because nobody can be asked here')
  const asking = createInterface({ input: io.stdin, output: io.stderr })
  try {
    return /^y(es)?$/i.test((await asking.question(`${question} [y/N] `)).trim())
  } finally {
    asking.close()
  }
}

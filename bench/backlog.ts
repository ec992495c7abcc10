/** Whether a long backlog makes a worker slower: the same worker on a short one and a long one, in turns. */

import { type Load, ours, workOff } from './load.ts'
import { median, printJson, printTable, spread } from './table.ts'

const SHORT = 14_000

export async function backlog({ repetitions, waiting }: { repetitions: number; waiting: number }): Promise<void> {
  const load: Load = { lookups: SHORT, warmUp: 4_000, concurrency: 64 }
  const short: number[] = []
  const long: number[] = []
  for (let i = 0; i < repetitions; i++) {
    short.push((await workOff(ours('short'), load)).perSecond)
    long.push((await workOff(ours('long'), { ...load, lookups: waiting, measured: SHORT })).perSecond)
  }
  const ratio = median(long.map((rate, i) => rate / (short[i] ?? Number.NaN)))
  printTable(
    ['waiting', 'lookups/s', 'of the short one'],
    [
      [SHORT.toLocaleString('en'), spread(short), '1'],
      [waiting.toLocaleString('en'), spread(long), ratio.toFixed(2)],
    ],
  )
  printJson('backlog', { short, long, ratio })
}

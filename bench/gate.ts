/** What asking for each call costs: the same worker without a limit and with one too high to bind, in turns. */

import { type Load, ours, workOff } from './load.ts'
import { median, printJson, printTable, spread } from './table.ts'

const NONE = ours('no limit')
const LIMITED = ours('a limit too high to bind', { RATE_LIMIT_PER_SECOND: '100000' })

export async function gate({ repetitions, lookups }: { repetitions: number; lookups: number }): Promise<void> {
  const load: Load = { lookups, warmUp: lookups / 4, concurrency: 64 }
  const none: number[] = []
  const limited: number[] = []
  for (let i = 0; i < repetitions; i++) {
    none.push((await workOff(NONE, load)).us)
    limited.push((await workOff(LIMITED, load)).us)
  }
  const ratio = median(limited.map((us, i) => us / (none[i] ?? Number.NaN)))
  printTable(
    ['', 'CPU µs', 'ratio'],
    [
      [NONE.name, spread(none), '1'],
      [LIMITED.name, spread(limited), ratio.toFixed(2)],
    ],
  )
  printJson('gate', { none, limited, ratio })
}

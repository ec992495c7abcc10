/** The most memory that a worker has at full speed, as it is and with the heap limit that image and compose file set. */

import { type Load, ours, workOff } from './load.ts'
import { printJson, printTable } from './table.ts'

/** As in the Dockerfile. */
const HEAP_LIMIT = '--max-old-space-size=128'

export async function memory({ lookups }: { lookups: number }): Promise<void> {
  const load: Load = { lookups, warmUp: 4_000, concurrency: 64 }
  const variants = [ours('plain'), ours(HEAP_LIMIT, {}, [HEAP_LIMIT])]
  const figures: Record<string, unknown> = {}
  const rows: string[][] = []
  for (const variant of variants) {
    const cost = await workOff(variant, load)
    figures[variant.name] = cost
    rows.push([variant.name, cost.mostMb.toFixed(0), cost.us.toFixed(0)])
  }
  printTable([`${lookups.toLocaleString('en')} lookups`, 'most MB', 'CPU µs'], rows)
  printJson('memory', figures)
}

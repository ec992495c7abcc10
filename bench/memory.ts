/** The most memory that a worker has at full speed, as it is and with the heap limit that image and compose file set. */

import { SHIPPED_NODE_OPTIONS } from '../test/support/heap-limit.ts'
import { type Load, ours, workOff } from './load.ts'
import { printJson, printTable } from './table.ts'

export async function memory({ lookups }: { lookups: number }): Promise<void> {
  const load: Load = { lookups, warmUp: 4_000, concurrency: 64 }
  const variants = [ours('plain'), ours(SHIPPED_NODE_OPTIONS, { NODE_OPTIONS: SHIPPED_NODE_OPTIONS })]
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

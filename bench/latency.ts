/** How much of what its slots could do a worker does, at a service that takes a while: slots / latency would be all. */

import { type Load, ours, peer, workOff } from './load.ts'
import { printJson, printTable, spread } from './table.ts'

interface At {
  latencyMs: number
  concurrency: number
}

/** The last two ask half as much of the machine, for one whose core cannot do 2,560 lookups a second. */
const WHERE: At[] = [
  { latencyMs: 20, concurrency: 64 },
  { latencyMs: 100, concurrency: 64 },
  { latencyMs: 100, concurrency: 256 },
  { latencyMs: 40, concurrency: 64 },
  { latencyMs: 200, concurrency: 256 },
]
const VARIANTS = [ours('chat-enricher'), peer('natural: fast-xml-parser', 'natural.ts')]

export async function latency({ repetitions, seconds }: { repetitions: number; seconds: number }): Promise<void> {
  const rows: string[][] = []
  const figures: unknown[] = []
  for (const at of WHERE) {
    const ideal = (at.concurrency / at.latencyMs) * 1000
    const load: Load = { ...at, lookups: ideal * seconds, warmUp: ideal * 2 }
    const shares = new Map<string, number[]>(VARIANTS.map(({ name }) => [name, []]))
    for (let i = 0; i < repetitions; i++)
      for (const variant of VARIANTS) {
        const cost = await workOff(variant, load)
        shares.get(variant.name)?.push((cost.perSecond / ideal) * 100)
        figures.push({ ...at, variant: variant.name, ideal, ...cost })
      }
    for (const [name, all] of shares)
      rows.push([`${at.latencyMs} ms ± 30 %, ${at.concurrency} at once: ${name}`, String(ideal), spread(all)])
  }
  printTable(['', 'ideal/s', '% of ideal'], rows)
  printJson('latency', figures)
}

/** Many lookups of one connection id, from several producers, while the service takes its time: few calls, all answered. */

import { run } from '../support/processes.ts'
import { info, startFleet } from './fleet.ts'
import { atMost, exactly, type Figure } from './report.ts'

const PRODUCERS = 4

export async function sharing({ lookups, cacheTtlMs }: { lookups: number; cacheTtlMs: number }): Promise<Figure[]> {
  const fleet = await startFleet({ latencyMs: 500, env: { CACHE_TTL_MS: String(cacheTtlMs) } })
  const { service, consumer } = fleet
  const file = 'one-chat\n'.repeat(lookups / PRODUCERS)
  const added = await Promise.all(
    Array.from({ length: PRODUCERS }, () => run(['enqueue', '--file', '-'], fleet.env, file)),
  )
  await consumer.have(lookups, 60_000).catch(() => {})
  const { results } = consumer
  const enriched = results.filter(({ status, chatRequest }) => status === 'enriched' && chatRequest !== null)
  const figures = [
    exactly('producers that ended well', added.filter(({ code }) => code === 0).length, PRODUCERS),
    exactly('lookups with a result of their own', new Set(enriched.map(({ lookupId }) => lookupId)).size, lookups),
    exactly('results in all', results.length, lookups),
    atMost(cacheTtlMs > 0 ? 'calls, with the cache' : 'calls', service.calls.length, cacheTtlMs > 0 ? 1 : 10),
    info('results from a shared call', results.filter(({ source }) => source === 'shared').length),
    info('results from the cache', results.filter(({ source }) => source === 'cache').length),
  ]
  await fleet.close()
  return figures
}

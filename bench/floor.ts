/** What no worker can do without: the POST, a BullMQ job that adds a result, and the answer read. */

import { type Load, peer, workOff } from './load.ts'
import { path, start } from './processes.ts'

/** The least that a strict reading of the answer costs, by the quickest general parser, µs. */
const READ_US = 14

export interface Floor {
  us: number
  postUs: number
  jobUs: number
}

export async function floor(load: Load): Promise<Floor> {
  const postUs = await post(load)
  const { us: jobUs } = await workOff(peer('no-op job and result', 'no-op.ts'), { ...load, latencyMs: 0 })
  return { us: postUs + jobUs + READ_US, postUs, jobUs }
}

async function post({ lookups, warmUp, concurrency, latencyMs = 0 }: Load): Promise<number> {
  const service = await start([path('./service.mjs')], { LATENCY_MS: String(latencyMs) }, /^http/)
  const env = { SOAP_ENDPOINT: service.line, CONCURRENCY: String(concurrency) }
  const counts = { CALLS: String(lookups), WARM_UP: String(warmUp) }
  const asked = await start(['--import', 'tsx', path('./peers/post.ts')], { ...env, ...counts }, /^us /)
  await asked.stop()
  await service.stop()
  return Number(asked.line.slice(3))
}

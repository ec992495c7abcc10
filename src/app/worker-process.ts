/** A worker process, whole: its log, its HTTP and the worker, started in this order and stopped by one call. */

import type { Writable } from 'node:stream'
import { setFlagsFromString } from 'node:v8'
import { within } from '../clock.ts'
import type { Config } from '../config/config.ts'
import { serveWorker } from '../http/worker-server.ts'
import { createLogger, logWritten } from '../observe/logger.ts'
import { placeInWords } from '../redis/connections.ts'
import { refusalInWords } from '../redis/errors.ts'
import { asPortProblem, LOG_MARGIN_MS, stoppedBy } from './stopped-by.ts'
import { WorkerApp } from './worker-app.ts'

export interface WorkerStop {
  /** Aborts when the worker shall stop; the reason names what asked for it. */
  signal: AbortSignal
  /** Aborts when it shall hand back at once. */
  hurry: AbortSignal | undefined
}

/**
 * V8 collects garbage once the heap is so many percent larger than what lives. By its own rule it may become four times as
 * large: at full speed 204 MB of memory where 146 do, and a lookup costs no less.
 */
const MOST_GARBAGE_PERCENT = 100

/** Runs a worker until it is told to stop, and has. True if no lookup was left behind. Rejects if it cannot start. */
export async function runWorker(
  config: Config,
  log: Writable & { isTTY?: boolean },
  { signal, hurry }: WorkerStop,
): Promise<boolean> {
  setFlagsFromString(`--heap-growing-percent=${MOST_GARBAGE_PERCENT}`)
  const logger = createLogger(config, log)
  const app = new WorkerApp(config, logger)
  hurry?.addEventListener('abort', () => void app.stop(String(hurry.reason)), { once: true })
  const stopped = stoppedBy(signal, (reason) => app.stop(reason))
  try {
    const { metricsHost: host, metricsPort: port } = config
    const server = await serveWorker(app, { host, port }).catch(asPortProblem('METRICS_PORT'))
    app.closeLast(() => server.close())
    logger.info({ url: `${server.url}/metrics` }, `serving /metrics on ${server.url}`)
    await Promise.race([app.start(), stopped])
  } catch (error) {
    await app.stop('could not start')
    const refusal = refusalInWords(error)
    throw refusal ? new Error(`Redis at ${placeInWords(config).where}: ${refusal}`) : error
  }
  const clean = await stopped
  await within(LOG_MARGIN_MS, logWritten(log))
  return clean
}

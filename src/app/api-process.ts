/** A process of the HTTP API, whole: its log and the API, started in this order and stopped by one call. */

import type { Writable } from 'node:stream'
import { within } from '../clock.ts'
import type { ApiConfig } from '../config/config.ts'
import { createLogger, logWritten } from '../observe/logger.ts'
import { ApiApp } from './api-app.ts'
import { asPortProblem, LOG_MARGIN_MS, stoppedBy } from './stopped-by.ts'

/** Runs the API until `signal` aborts, and it has stopped. Rejects if it cannot start. */
export async function runApi(
  config: ApiConfig,
  log: Writable & { isTTY?: boolean },
  signal: AbortSignal,
): Promise<void> {
  const logger = createLogger(config, log)
  const app = new ApiApp(config, logger, { logFormat: config.logFormat, out: log })
  const stopped = stoppedBy(signal, (reason) => app.stop(reason))
  await app.start().catch(asPortProblem('API_PORT'))
  await stopped
  await within(LOG_MARGIN_MS, logWritten(log))
}

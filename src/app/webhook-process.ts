/** A process of the webhook, whole: its log, its HTTP and the webhook, started in this order and stopped by one call. */

import type { Writable } from 'node:stream'
import { within } from '../clock.ts'
import type { WebhookConfig } from '../config/config.ts'
import { serveWorker } from '../http/worker-server.ts'
import { createLogger, logWritten } from '../observe/logger.ts'
import { asPortProblem, LOG_MARGIN_MS, stoppedBy } from './stopped-by.ts'
import { WebhookApp } from './webhook-app.ts'

/** Posts results until `signal` aborts, and it has stopped. Rejects if it cannot start. */
export async function runWebhook(
  config: WebhookConfig,
  log: Writable & { isTTY?: boolean },
  signal: AbortSignal,
): Promise<void> {
  const logger = createLogger(config, log)
  const app = new WebhookApp(config, logger)
  const stopped = stoppedBy(signal, (reason) => app.stop(reason))
  try {
    const { metricsHost: host, metricsPort: port } = config
    const server = await serveWorker(app, { host, port }).catch(asPortProblem('METRICS_PORT'))
    logger.info({ url: `${server.url}/metrics` }, `serving /metrics on ${server.url}`)
    try {
      await app.start()
      await stopped
    } finally {
      await server.close()
    }
  } catch (error) {
    await app.stop('could not start')
    throw error
  }
  await within(LOG_MARGIN_MS, logWritten(log))
}

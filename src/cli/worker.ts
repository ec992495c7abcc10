import { Command } from 'commander'
import { WorkerApp } from '../app/worker-app.ts'
import { within } from '../clock.ts'
import { serveWorker } from '../http/worker-server.ts'
import { createLogger, logWritten } from '../observe/logger.ts'
import type { CliCommand } from './terminal/command.ts'
import { configOf, withVariables } from './terminal/options.ts'

const GROUPS = ['redis', 'queues', 'endpoint', 'soap', 'worker', 'log'] as const

export function workerCommand(): CliCommand {
  const command = new Command('worker').addHelpText('after', EXAMPLE)
  return { command: withVariables(command, GROUPS), action: runWorker }
}

const EXAMPLE = `
Examples:
  SOAP_ENDPOINT=https://host/TPClientWebServicesAPI.asmx SOAP_PUBLIC_KEY_1_FILE=/run/secrets/key … chat-enricher worker
  chat-enricher worker --rate-limit-per-second 20 --max-calls-in-flight 8

SIGTERM or SIGINT: stops taking lookups, finishes what it can in SHUTDOWN_TIMEOUT_MS, hands back the rest; exit 0.
A second one: hands back at once.`

/** For the last lines to be read. */
const LOG_MARGIN_MS = 100

async function runWorker(command: Command): Promise<number> {
  const { config } = configOf(command, GROUPS)
  const logger = createLogger(config)
  const app = new WorkerApp(config, logger)
  const stopped = stopOnSignals(app)
  try {
    const server = await serveWorker(app, { host: config.metricsHost, port: config.metricsPort }).catch(asPortProblem)
    app.closeLast(() => server.close())
    logger.info({ url: `${server.url}/metrics` }, 'metrics')
    await Promise.race([app.start(), stopped])
  } catch (error) {
    await app.stop('could not start')
    throw error
  }
  const clean = await stopped
  await within(LOG_MARGIN_MS, logWritten())
  // What is left (a connection to a Redis that hangs, say) must not keep a stopped worker alive.
  process.exit(clean ? 0 : 1)
}

function asPortProblem(error: NodeJS.ErrnoException & { port?: number }): never {
  if (error.code !== 'EADDRINUSE') throw error
  throw new Error(`METRICS_PORT: expected a free port (0: any), got ${error.port}, which is in use`)
}

/** Resolves when the worker has been stopped, by a signal, or because the process that forked it is gone. */
function stopOnSignals(app: WorkerApp): Promise<boolean> {
  return new Promise((resolve) => {
    const stop = (reason: string) => void app.stop(reason).then(resolve)
    process.on('SIGTERM', () => stop('SIGTERM'))
    process.on('SIGINT', () => stop('SIGINT'))
    process.on('disconnect', () => stop('parent gone'))
  })
}

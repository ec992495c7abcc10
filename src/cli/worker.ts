import { Command } from 'commander'
import { WorkerApp } from '../app/worker-app.ts'
import { within } from '../clock.ts'
import { serveWorker } from '../http/worker-server.ts'
import { createLogger, logWritten } from '../observe/logger.ts'
import type { CliCommand } from './terminal/command.ts'
import { type Io, whenAborted } from './terminal/io.ts'
import { configOf, withVariables } from './terminal/options.ts'

const GROUPS = ['redis', 'queues', 'endpoint', 'soap', 'calls', 'worker', 'log'] as const

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

async function runWorker(command: Command, io: Io): Promise<number> {
  const { config } = configOf(command, io, GROUPS)
  const logger = createLogger(config, io.stderr)
  const app = new WorkerApp(config, logger)
  const stopped = whenStopped(app, io)
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
  await within(LOG_MARGIN_MS, logWritten(io.stderr))
  return clean ? 0 : 1
}

function asPortProblem(error: NodeJS.ErrnoException & { port?: number }): never {
  if (error.code !== 'EADDRINUSE') throw error
  throw new Error(`METRICS_PORT: expected a free port (0: any), got ${error.port}, which is in use`)
}

/** Resolves when the worker has been told to stop, and has. */
async function whenStopped(app: WorkerApp, io: Io): Promise<boolean> {
  io.hurry?.addEventListener('abort', () => void app.stop(String(io.hurry?.reason)), { once: true })
  await whenAborted(io.signal)
  return app.stop(String(io.signal.reason))
}

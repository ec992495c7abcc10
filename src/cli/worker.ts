import { Command } from 'commander'
import { runWorker } from '../app/worker-process.ts'
import type { CliCommand } from './terminal/command.ts'
import type { Io } from './terminal/io.ts'
import { configOf, withVariables } from './terminal/options.ts'

const GROUPS = ['redis', 'queues', 'endpoint', 'soap', 'calls', 'worker', 'metrics', 'stop', 'log'] as const

export function workerCommand(): CliCommand {
  const command = new Command('worker').addHelpText('after', EXAMPLE)
  return { command: withVariables(command, GROUPS), action: runWorkerCommand }
}

const EXAMPLE = `
Examples:
  SOAP_ENDPOINT=https://host/TPClientWebServicesAPI.asmx SOAP_PUBLIC_KEY_1_FILE=/run/secrets/key … chat-enricher worker
  chat-enricher worker --rate-limit-per-second 20 --max-calls-in-flight 8

SIGTERM or SIGINT: stops taking lookups, finishes what it can in SHUTDOWN_TIMEOUT_MS, hands back the rest; exit 0.
A second one: hands back at once.`

async function runWorkerCommand(command: Command, io: Io): Promise<number> {
  const { config } = configOf(command, io, GROUPS)
  return (await runWorker(config, io.stderr, io)) ? 0 : 1
}

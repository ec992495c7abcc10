import { Command } from 'commander'
import { runApi } from '../app/api-process.ts'
import type { CliCommand } from './terminal/command.ts'
import type { Io } from './terminal/io.ts'
import { configOf, withVariables } from './terminal/options.ts'

const GROUPS = ['redis', 'queues', 'endpoint', 'api', 'stop', 'log'] as const
/** Also how results are published, as a worker has it, because it cancels lookups. */
const CONFIG_GROUPS = [...GROUPS, 'worker'] as const
const NEEDS = ['redis', 'queues', 'api', 'log'] as const

export function apiCommand(): CliCommand {
  const command = new Command('api').addHelpText('after', EXAMPLE)
  return { command: withVariables(command, GROUPS, NEEDS), action: runApiCommand }
}

const EXAMPLE = `
Serves the HTTP API: lookups in, their results out, what the fleet does, and what people may do with it. /openapi.json
describes every route, /docs is a page of it; /livez, /readyz and /metrics need no token. docs/http.md says more.
/ is the console, a page for people: docs/console.md.
Without API_TOKENS it listens on this machine alone, and whoever is on it may do everything.
An entry of API_TOKENS is name:role+role:token. Roles: enqueue (its own lookups), results, view, operate (and view), forget.

SIGTERM or SIGINT: takes no more requests, answers those that it has within SHUTDOWN_TIMEOUT_MS. An action
on many lookups stops with it; asked for again it does the rest, and nothing twice.

Exit: 0 after a stop, 1 if the port is taken, 2 wrong usage, 78 wrong configuration.

Examples:
  chat-enricher api
  curl -s http://127.0.0.1:8080/v1/lookups -H 'content-type: application/json' -d '{"connectionId":"12345"}'
  API_HOST=0.0.0.0 API_TOKENS_FILE=/run/secrets/api_tokens chat-enricher api`

async function runApiCommand(command: Command, io: Io): Promise<undefined> {
  const { config } = configOf(command, io, CONFIG_GROUPS, NEEDS)
  await runApi(config, io.stderr, io.signal)
}

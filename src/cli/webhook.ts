import { Command } from 'commander'
import { runWebhook } from '../app/webhook-process.ts'
import type { CliCommand } from './terminal/command.ts'
import type { Io } from './terminal/io.ts'
import { configOf, withVariables } from './terminal/options.ts'

const GROUPS = ['redis', 'queues', 'webhook', 'metrics', 'stop', 'log'] as const

export function webhookCommand(): CliCommand {
  const command = new Command('webhook').addHelpText('after', EXAMPLE)
  return { command: withVariables(command, GROUPS), action: runWebhookCommand }
}

const EXAMPLE = `
POSTs each result as JSON to WEBHOOK_URL, with the headers of Standard Webhooks: webhook-id, webhook-timestamp and
webhook-signature. A result leaves the queue only after a 2xx within 15 s, so delivery is at least once: upsert on webhook-id.
Anything else: it is posted again, after 1 s to 5 min, and never given up. 429 and 503 with Retry-After pause all deliveries
of the process. After 410, or four hours without one 2xx, it tries once in five minutes, and /readyz says so. Redirects are
not followed. examples/ has receivers that check the signature; docs/webhook.md says more.

SIGTERM or SIGINT: takes no more results, ends what is on the way within SHUTDOWN_TIMEOUT_MS, hands back the rest.

Exit: 0 after a stop, 1 if the port is taken, 2 wrong usage, 78 wrong configuration.

Examples:
  WEBHOOK_URL=https://crm.example/chats WEBHOOK_SECRET_FILE=/run/secrets/webhook_secret chat-enricher webhook
  chat-enricher webhook --webhook-concurrency 8 --metrics-port 9465`

async function runWebhookCommand(command: Command, io: Io): Promise<undefined> {
  const { config } = configOf(command, io, GROUPS)
  await runWebhook(config, io.stderr, io.signal)
}

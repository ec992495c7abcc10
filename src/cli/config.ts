import Table from 'cli-table3'
import { Command } from 'commander'
import { VARIABLES } from '../config/table.ts'
import type { CliCommand } from './terminal/command.ts'
import type { Io } from './terminal/io.ts'
import { configOf, withVariables } from './terminal/options.ts'
import { NO_LINES_BETWEEN, PLAIN } from './terminal/terminal.ts'

export const ALL_GROUPS = [
  'redis',
  'queues',
  'endpoint',
  'soap',
  'calls',
  'worker',
  'metrics',
  'stop',
  'api',
  'webhook',
  'log',
] as const

export function configCommand(): CliCommand {
  const command = new Command('config')
    .option('--json', 'as JSON')
    .addHelpText('after', '\nExit: 0; 78 if a value is wrong.\n\nExample:\n  chat-enricher config --json')
  return { command: withVariables(command, ALL_GROUPS), action: runConfig }
}

async function runConfig(command: Command, io: Io): Promise<undefined> {
  const { settings } = configOf(command, io, ALL_GROUPS, [])
  if (command.opts().json) {
    const values = settings.map(({ name, shown, source }) => [name, { value: shown === '' ? null : shown, source }])
    return void (await io.print(JSON.stringify(Object.fromEntries(values), null, 2)))
  }
  const table = new Table({ head: ['variable', 'value', 'from', 'meaning'], chars: NO_LINES_BETWEEN, style: PLAIN })
  const meanings = new Map(Object.values(VARIABLES).map(({ name, meaning }) => [name as string, meaning]))
  for (const { name, shown, source } of settings) {
    table.push([name, shown, source, (meanings.get(name) ?? '').replaceAll('`', '')])
  }
  await io.print(table.toString())
}

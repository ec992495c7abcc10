/** The command line: which commands there are, and what exit code an error gets. */

import { Command, CommanderError } from 'commander'
import { VERSION } from '../version.ts'
import { configCommand } from './config.ts'
import { demoCommand } from './demo.ts'
import { enqueueCommand } from './enqueue.ts'
import { lookupCommand } from './lookup.ts'
import { ConfigError } from './options.ts'
import { resultsCommand } from './results.ts'
import { standInCommand } from './stand-in.ts'
import { statusCommand } from './status.ts'
import { Interrupted, say } from './terminal.ts'
import { UsageError } from './usage-error.ts'
import { workerCommand } from './worker.ts'

const EXIT_USAGE = 2
const EXIT_CONFIG = 78

/** Runs the command line and resolves to the exit code. */
export async function run(argv: string[]): Promise<number> {
  const program = new Command('chat-enricher')
    .description(
      'Takes chat connection ids from a Redis queue, asks the SOAP service for each, publishes one result each.',
    )
    .version(VERSION)
    .exitOverride()
    .showHelpAfterError('(--help shows what it takes)')
    .enablePositionalOptions()
  let exit: number | undefined
  const commands = [
    workerCommand,
    enqueueCommand,
    lookupCommand,
    resultsCommand,
    statusCommand,
    standInCommand,
    demoCommand,
    configCommand,
  ]
  for (const build of commands) {
    const { command, action } = build()
    command.exitOverride().showHelpAfterError('(--help shows what it takes)')
    command.action(async () => {
      exit = await action(command)
    })
    program.addCommand(command)
  }
  try {
    await program.parseAsync(argv)
    return exit ?? 0
  } catch (error) {
    return exitOf(error)
  }
}

function exitOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE
  if (error instanceof ConfigError) {
    for (const problem of error.problems) say(problem)
    return EXIT_CONFIG
  }
  if (error instanceof UsageError) {
    say(`error: ${error.message}`)
    return EXIT_USAGE
  }
  if (error instanceof Interrupted) return error.message === 'EPIPE' ? 0 : 130
  say(`error: ${error instanceof Error ? error.message : String(error)}`)
  return 1
}

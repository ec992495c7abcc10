/** The command line: which commands there are, and what exit code an error gets. */

import { Command, CommanderError, type OutputConfiguration } from 'commander'
import { ConfigError } from '../config/config.ts'
import { VERSION } from '../version.ts'
import type { CliCommand } from './terminal/command.ts'
import { Interrupted, Io, type RunOptions } from './terminal/io.ts'
import { unfold } from './terminal/options.ts'
import { UsageError } from './terminal/usage-error.ts'

const EXIT_USAGE = 2
const EXIT_CONFIG = 78

interface Entry {
  description: string
  /** Loads the command. What commands need takes half a second to load, so only the one that is asked for is loaded. */
  load(): Promise<CliCommand>
}

const COMMANDS: Readonly<Record<string, Entry>> = {
  worker: {
    description: 'Take lookups, call the service, publish results; serves /metrics, /livez and /readyz.',
    load: async () => (await import('./worker.ts')).workerCommand(),
  },
  api: {
    description:
      'Serve the HTTP API: lookups in, results out, what the fleet does, and actions on it; OpenAPI at /openapi.json.',
    load: async () => (await import('./api.ts')).apiCommand(),
  },
  enqueue: {
    description: 'Put lookups on the queue: ids as arguments, or a file of them, streamed.',
    load: async () => (await import('./enqueue.ts')).enqueueCommand(),
  },
  lookup: {
    description: "Make one call to the service now, without a queue, and print the result. Inside the fleet's limits.",
    load: async () => (await import('./lookup.ts')).lookupCommand(),
  },
  results: {
    description: 'Consume the result queue to NDJSON on stdout. A result is removed only after its line is written.',
    load: async () => (await import('./results.ts')).resultsCommand(),
  },
  webhook: {
    description: 'Consume the result queue and post each result to WEBHOOK_URL, signed; serves /metrics and /readyz.',
    load: async () => (await import('./webhook.ts')).webhookCommand(),
  },
  status: {
    description:
      'Backlog, age of the oldest lookup, rates, the members of the fleet, and when the backlog will be gone.',
    load: async () => (await import('./status.ts')).statusCommand(),
  },
  find: {
    description: 'The lookups that match, a line each: state, age, why it waits, what it has behind it.',
    load: async () => (await import('./find.ts')).findCommand(),
  },
  cancel: {
    description: 'End lookups that no worker has in hand, by id or by what they are; each gets its result.',
    load: async () => (await import('./cancel.ts')).cancelCommand(),
  },
  limit: {
    description: "Show or set the fleet's limits while it runs: calls a second, burst, calls in flight.",
    load: async () => (await import('./limit.ts')).limitCommand(),
  },
  hold: {
    description: 'Stop all calls of the fleet by hand; calls on the way finish.',
    load: async () => (await import('./hold.ts')).holdCommand(),
  },
  release: {
    description: 'End the holds of the fleet, whatever they are for; accept a response code that is right after all.',
    load: async () => (await import('./hold.ts')).releaseCommand(),
  },
  'dead-letters': {
    description: 'The lookups that gave up, in groups by cause; put them back, or drop them for good.',
    load: async () => (await import('./dead-letters.ts')).deadLettersCommand(),
  },
  forget: {
    description: 'Erase from Redis every trace of one connection id, and say what was removed.',
    load: async () => (await import('./forget.ts')).forgetCommand(),
  },
  activity: {
    description:
      'Who did what by hand: holds, releases, limits, accepted codes, lookups cancelled, redriven or forgotten.',
    load: async () => (await import('./activity.ts')).activityCommand(),
  },
  doctor: {
    description:
      'Check configuration, Redis, the fleet and the service: a line each (pass, warn, fail), with what to do.',
    load: async () => (await import('./doctor.ts')).doctorCommand(),
  },
  'stand-in': {
    description:
      'Serve a stand-in of the SOAP service, for demos and tests: help page, WSDL, SOAP 1.1 and 1.2, faults on request.',
    load: async () => (await import('./stand-in.ts')).standInCommand(),
  },
  demo: {
    description:
      'All of it on this machine: a Redis of its own, the stand-in of the service, two workers, the HTTP API; enriches chats, live.',
    load: async () => (await import('./demo/demo.ts')).demoCommand(),
  },
  config: {
    description:
      'Print the configuration in force and where each value comes from, secrets masked; or what is wrong with it.',
    load: async () => (await import('./config.ts')).configCommand(),
  },
}

/**
 * Runs the command line and resolves to the exit code. Touches nothing of this process but what it is given, so that it can
 * be called from within another program.
 */
export async function run(argv: string[], options: RunOptions): Promise<number> {
  const io = new Io(options)
  let exit = 0
  const program = await programFor(argv, io, (code) => {
    exit = code
  })
  try {
    await program.parseAsync(argv)
    return exit
  } catch (error) {
    return exitOf(io, error)
  }
}

async function programFor(argv: string[], io: Io, ended: (exit: number) => void): Promise<Command> {
  const program = new Command('chat-enricher')
    .description(
      'Takes chat connection ids from a Redis queue, asks the SOAP service for each, publishes one result each.',
    )
    .version(VERSION)
    .exitOverride()
    .configureOutput(outputOf(io, 'chat-enricher'))
    .enablePositionalOptions()
    .addHelpText('after', EXAMPLES)
  const wanted = argv.find((word) => Object.hasOwn(COMMANDS, word))
  const helpAll = argv.some((word, index) => /^(-h|--help)$/.test(word) && argv[index + 1] === 'all')
  for (const [name, entry] of Object.entries(COMMANDS)) {
    const command = name === wanted ? await loaded(entry, io, ended) : new Command(name).description(entry.description)
    if (helpAll) unfold(command)
    program.addCommand(command)
  }
  return program
}

async function loaded({ description, load }: Entry, io: Io, ended: (exit: number) => void): Promise<Command> {
  const { command, action } = await load()
  const name = `chat-enricher ${command.name()}`
  return command
    .description(description)
    .exitOverride()
    .configureOutput(outputOf(io, name))
    .action(async () => ended((await action(command, io)) ?? 0))
}

const EXAMPLES = `
Each command has a --help of its own, with its flags, its exit codes and an example.

Examples:
  chat-enricher demo                         all of it, on this machine
  chat-enricher enqueue --file ids.txt
  chat-enricher results --follow`

function outputOf(io: Io, name: string): OutputConfiguration {
  const { stdout, stderr } = io
  return {
    writeOut: (text) => void stdout.write(text),
    writeErr: (text) => void stderr.write(text),
    outputError: (text) => io.say(inOneLine(text, name)),
    getOutHelpWidth: () => (stdout.isTTY ? stdout.columns : undefined) as number,
    getErrHelpWidth: () => (stderr.isTTY ? stderr.columns : undefined) as number,
  }
}

/** Commander says what is wrong, sometimes with a guess on a second line. */
function inOneLine(text: string, command: string): string {
  const [first, ...more] = text.trim().split('\n')
  return [first?.replace(/[.]$/, ''), ...more, `(${command} --help shows what it takes)`].join(' ')
}

function exitOf(io: Io, error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE
  if (error instanceof ConfigError) {
    for (const problem of error.problems) io.say(problem)
    return EXIT_CONFIG
  }
  if (error instanceof UsageError) {
    io.say(`error: ${error.message}`)
    return EXIT_USAGE
  }
  if (error instanceof Interrupted) return error.message === 'EPIPE' ? 0 : 130
  io.say(`error: ${error instanceof Error ? error.message : String(error)}`)
  return 1
}

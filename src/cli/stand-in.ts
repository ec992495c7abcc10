import { readFile } from 'node:fs/promises'
import { Command, Option } from 'commander'
import { FAULT_KINDS, type FaultKind, parseAnswers, startStandIn } from '../stand-in/stand-in.ts'
import type { CliCommand } from './command.ts'
import { ratio, wholeNumber } from './positive.ts'
import { interruption, print, say, whenAborted } from './terminal.ts'
import { UsageError } from './usage-error.ts'

const DEFAULT_PORT = 8081

export function standInCommand(): CliCommand {
  const command = new Command('stand-in')
    .option('--host <host>', 'where to listen', '127.0.0.1')
    .option('--port <n>', 'port; 0: any that is free', wholeNumber(0, 65_535), DEFAULT_PORT)
    .option('--answers <file>', 'JSON file of the answers for given connection ids; others get a made-up one')
    .option('--latency-ms <n>', 'how long each answer takes', wholeNumber(0, 600_000), 0)
    .option('--fault-rate <x>', 'share of the calls that get a fault, from 0 to 1', ratio, 0)
    .addOption(
      new Option('--fault <kind...>', 'which faults, taken in turn').choices([...FAULT_KINDS]).default(['503'], '503'),
    )
    .option('--request-log <file>', 'write a line of JSON for each request as it arrives')
    .option('--seed <n>', 'of the choice which calls get a fault, to repeat a run', wholeNumber(0, 2 ** 31))
    .addHelpText('after', EXAMPLES)
  return { command, action: runStandIn }
}

const EXAMPLES = `
Examples:
  chat-enricher stand-in --latency-ms 80
  chat-enricher stand-in --fault-rate 0.2 --fault 503 reset server-fault
  curl 'http://127.0.0.1:${DEFAULT_PORT}/stand-in/requests'      what arrived, and when`

async function runStandIn(command: Command): Promise<undefined> {
  const { answers, fault, ...options } = command.opts() as {
    host: string
    port: number
    answers?: string
    latencyMs: number
    faultRate: number
    fault: FaultKind[]
    requestLog?: string
    seed?: number
  }
  const read = answers === undefined ? {} : { answers: await readAnswers(answers) }
  const standIn = await startStandIn({ ...options, faults: fault, ...read }).catch(asPortProblem)
  await print(`stand-in: ${standIn.url}`)
  say(`page: ${standIn.origin}/   WSDL: ${standIn.url}?WSDL   requests: ${standIn.origin}/stand-in/requests`)
  await whenAborted(interruption())
  await standIn.close()
}

function asPortProblem(error: NodeJS.ErrnoException & { port?: number }): never {
  const { code, port } = error
  if (code === 'EADDRINUSE') throw new Error(`--port: expected a free port (0: any), got ${port}, which is in use`)
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') throw new Error('--host: expected an address of this machine')
  throw error
}

async function readAnswers(file: string) {
  try {
    return parseAnswers(await readFile(file, 'utf8'))
  } catch (error) {
    throw new UsageError(`--answers ${file}: ${(error as Error).message}`)
  }
}

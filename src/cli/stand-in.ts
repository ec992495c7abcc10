import { readFile } from 'node:fs/promises'
import { Command, InvalidArgumentError, Option } from 'commander'
import {
  FAULT_KINDS,
  type FaultKind,
  type Latency,
  type Outage,
  parseAnswers,
  type Refuse,
  type Rule,
  type StandInOptions,
  startStandIn,
} from '../stand-in/stand-in.ts'
import type { CliCommand } from './terminal/command.ts'
import { type Io, whenAborted } from './terminal/io.ts'
import { ratio, wholeNumber } from './terminal/positive.ts'
import { duration, faultById, latency, outage, readCredentials, refuse } from './terminal/stand-in-flags.ts'
import { UsageError } from './terminal/usage-error.ts'

const DEFAULT_PORT = 8081

export function standInCommand(): CliCommand {
  const command = new Command('stand-in')
    .option('--host <host>', 'where to listen', '127.0.0.1')
    .option('--port <n>', 'port; 0: any that is free', wholeNumber(0, 65_535), DEFAULT_PORT)
    .option('--answers <file>', 'JSON file of the answers for given connection ids; others get a made-up one')
    .option('--request-log <file>', 'write a line of JSON for each request as it arrives')
    .option('--seed <n>', 'of the choice which calls get a fault, to repeat a run', wholeNumber(0, 2 ** 31))
  for (const option of faultOptions()) command.addOption(option.helpGroup('How it behaves:'))
  for (const option of accessOptions()) command.addOption(option.helpGroup('Credentials:'))
  command.addHelpText('after', EXAMPLES)
  return { command, action: runStandIn }
}

function faultOptions(): Option[] {
  return [
    new Option('--latency-ms <n>', 'how long each answer takes: 80, 20-200, or log-normal: median=80,p99=900')
      .argParser(latency)
      .default(0),
    new Option(
      '--fault-rate <x>',
      'share of the calls that get a fault, from 0 to 1 (default: 1 with --fault)',
    ).argParser(ratio),
    new Option('--fault <kind...>', 'which faults, taken in turn (default: 503)').choices([...FAULT_KINDS]),
    new Option(
      '--fault-id <regex=kind>',
      'a fault for every call whose id matches; may be given again, the first that matches counts',
    ).argParser(faultById),
    new Option(
      '--outage <after..for=kind>',
      'a fault for every call in a window, from the start on; may be given again',
    ).argParser(outage),
    new Option(
      '--retry-after <value>',
      'header of the faults that send one: seconds or an HTTP date (default: 1)',
    ).argParser(headerText),
  ]
}

function accessOptions(): Option[] {
  return [
    new Option(
      '--credentials <file>',
      'JSON file with publicKey1, encryptedUser, encryptedPassword, encryptedSignature: what requests must carry',
    ),
    new Option(
      '--credentials-expire-after <duration>',
      'from then on everybody is refused, until POST /__faults gives new ones',
    ).argParser(duration),
    new Option('--refuse <how>', 'wrong credentials: 401, client-fault, or a responseCode (default: 9)').argParser(
      refuse,
    ),
  ]
}

const BASE = `http://127.0.0.1:${DEFAULT_PORT}`
const EXAMPLES = `
Examples:
  chat-enricher stand-in --latency-ms median=80,p99=900
  chat-enricher stand-in --fault-rate 0.2 --fault 503-retry-after reset server-fault --retry-after 20
  chat-enricher stand-in --fault-id '^bad-=server-fault' --outage 30s..10s=hang
  chat-enricher stand-in --credentials credentials.json --refuse client-fault --credentials-expire-after 5m

While it runs, from the same machine:
  curl ${BASE}/__requests                          what arrived, and when; DELETE forgets it
  curl ${BASE}/__faults --json '{"faultRate":0.2,"faults":["503","reset"]}'
  curl ${BASE}/__faults --json '{"rules":[{"id":"^bad-","faults":["hang"]}]}'
  curl ${BASE}/__faults -X DELETE                  back to none`

interface StandInFlags {
  host: string
  port: number
  answers?: string
  requestLog?: string
  seed?: number
  latencyMs: Latency
  faultRate?: number
  fault?: FaultKind[]
  faultId?: Rule[]
  outage?: Outage[]
  retryAfter?: string
  credentials?: string
  credentialsExpireAfter?: number
  refuse?: Refuse
}

async function runStandIn(command: Command, io: Io): Promise<undefined> {
  const standIn = await startStandIn(await optionsOf(command.opts())).catch(asPortProblem)
  await io.print(`stand-in: ${standIn.url}`)
  io.say(`page: ${standIn.origin}/   WSDL: ${standIn.url}?WSDL   requests: ${standIn.origin}/__requests`)
  await whenAborted(io.interruption())
  await standIn.close()
}

async function optionsOf(flags: StandInFlags): Promise<StandInOptions> {
  const { answers, credentials, fault, faultId, outage, credentialsExpireAfter, ...same } = flags
  return {
    ...same,
    // A fault without a share is for every call.
    faultRate: flags.faultRate ?? (fault ? 1 : 0),
    ...(fault && { faults: fault }),
    ...(faultId && { rules: faultId }),
    ...(outage && { outages: outage }),
    ...(credentialsExpireAfter !== undefined && { credentialsExpireAfterMs: credentialsExpireAfter }),
    ...(answers !== undefined && { answers: await readAnswers(answers) }),
    ...(credentials !== undefined && { credentials: await readCredentials(credentials) }),
  }
}

function headerText(text: string): string {
  if (/^[\x20-\x7e]+$/.test(text)) return text
  throw new InvalidArgumentError(`expected seconds or an HTTP date, got ${JSON.stringify(text)}`)
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

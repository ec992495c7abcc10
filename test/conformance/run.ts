/** `npm run test:conformance`: the cases against the stand-in, or against the service at --url. */

import { Command, Option } from 'commander'
import { startStandIn } from '../../src/stand-in/stand-in.ts'
import type { Credentials, SoapVersion } from './envelope.ts'
import { conformance, type Wanted } from './suite.ts'

const HELP = `
Credentials, for --url: SOAP_PUBLIC_KEY_1, SOAP_ENCRYPTED_USER, SOAP_ENCRYPTED_PASSWORD, SOAP_ENCRYPTED_SIGNATURE.
Nothing is changed, one request is under way at a time, and about 130 are sent. Exit 0: all passed, 1: some did not, 2: bad usage.

Examples:
  npm run test:conformance
  npm run test:conformance -- --url https://your.host/semp/TPClientWebServicesAPI.asmx --connection-id 12345 --soap-version 1.1`

const command = new Command('npm run test:conformance --')
  .description('Asks an ASMX service what only a real one answers so, and says where the answer differs.')
  .option('--url <url>', 'of the .asmx; without it a stand-in is started and asked')
  .option('--connection-id <id>', 'of a chat that the service knows; needed with --url')
  .addOption(new Option('--soap-version <version>', 'cases of one version alone').choices(['1.1', '1.2']))
  .option('--only <text>', 'cases whose name holds this text')
  .option('--texts', 'with --url: compare the texts of faults too (those of an English server)')
  .addHelpText('after', HELP)
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))

interface Options {
  url?: string
  connectionId?: string
  soapVersion?: SoapVersion
  only?: string
  texts?: true
}

const VARIABLES: Readonly<Record<keyof Credentials, string>> = {
  publicKey1: 'SOAP_PUBLIC_KEY_1',
  encryptedUser: 'SOAP_ENCRYPTED_USER',
  encryptedPassword: 'SOAP_ENCRYPTED_PASSWORD',
  encryptedSignature: 'SOAP_ENCRYPTED_SIGNATURE',
}
const OURS: Credentials = {
  publicKey1: 'key',
  encryptedUser: 'user',
  encryptedPassword: 'pass',
  encryptedSignature: 'sig',
}

async function main(options: Options): Promise<boolean> {
  const { only, soapVersion: version = null } = options
  const chosen = { version, ...(only === undefined ? {} : { only }) }
  if (options.url !== undefined) return report({ ...chosen, ...remote(options), texts: options.texts ?? false })
  const standIn = await startStandIn({ credentials: OURS })
  const subject = { credentials: OURS, connectionId: options.connectionId ?? '12345' }
  return report({ ...chosen, url: new URL(standIn.url), subject, texts: true }).finally(() => standIn.close())
}

function remote({ url = '', connectionId }: Options): Pick<Wanted, 'url' | 'subject'> {
  if (!/^https?:$/.test(URL.parse(url)?.protocol ?? ''))
    command.error(`--url: expected an http or https URL, got ${JSON.stringify(url)}`)
  if (connectionId === undefined)
    command.error('--connection-id: expected the id of a chat that the service knows, got none')
  const missing = Object.values(VARIABLES).filter((name) => !process.env[name])
  if (missing.length > 0)
    command.error(`expected the credentials in the environment, got none in ${missing.join(', ')}`)
  const entries = Object.entries(VARIABLES).map(([name, variable]) => [name, process.env[variable]])
  return {
    url: new URL(url),
    subject: { credentials: Object.fromEntries(entries), connectionId: connectionId as string },
  }
}

async function report(wanted: Wanted): Promise<boolean> {
  let passed = 0
  let failed = 0
  for await (const { each, problem } of conformance(wanted)) {
    console.log(`${problem === null ? 'pass' : 'FAIL'}  ${(each.version ?? '').padEnd(3)}  ${each.name}`)
    if (problem === null) passed += 1
    else {
      failed += 1
      console.log(`           ${problem}`)
    }
  }
  console.log(`${passed} passed, ${failed} failed`)
  return failed === 0 && passed > 0
}

command.parse()
const ok = await main(command.opts<Options>()).catch((error) => {
  console.error((error as Error).message)
  return false
})
process.exitCode = ok ? 0 : 1

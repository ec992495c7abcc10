import { Command } from 'commander'
import { doctor, type Finding } from '../app/doctor.ts'
import { ALL_GROUPS } from './config.ts'
import type { CliCommand } from './terminal/command.ts'
import { findingsInWords } from './terminal/findings-in-words.ts'
import type { Io } from './terminal/io.ts'
import { flagsOf, withVariables } from './terminal/options.ts'

const NEEDED = ['redis', 'queues', 'endpoint', 'soap'] as const

export function doctorCommand(): CliCommand {
  const command = new Command('doctor')
    .option('--json', 'as JSON, a line for each finding')
    .option('--advise', 'exit 0 whatever it finds: for a container that runs before a worker')
    .addHelpText('after', EXAMPLES)
  return { command: withVariables(command, ALL_GROUPS, NEEDED), action: runDoctor }
}

const EXAMPLES = `
It asks with the settings that a worker would be started with: put them into the environment. Redis is asked for what it
is, and one MULTI tries our rights and leaves nothing. The service gets one GET for its WSDL, and one call within the
limits of the fleet: for SOAP_PROBE_CONNECTION_ID, else for the id that it answered last; no call if neither is known, or
while the fleet is held. Every check has its time, and all are made, whatever else is wrong. No secret and no id is shown.

Exit: 0; 1 if a line says fail (0 with --advise); 2 wrong usage.

Examples:
  chat-enricher doctor
  chat-enricher doctor --json | jq 'select(.status != "pass")'`

async function runDoctor(command: Command, io: Io): Promise<number> {
  const { json = false, advise = false } = command.opts() as { json?: boolean; advise?: boolean }
  const findings = await doctor(io.env, flagsOf(command, ALL_GROUPS))
  await io.print(json ? findings.map((finding) => JSON.stringify(finding)).join('\n') : findingsInWords(findings))
  return !advise && findings.some(isFailed) ? 1 : 0
}

function isFailed({ status }: Finding): boolean {
  return status === 'fail'
}

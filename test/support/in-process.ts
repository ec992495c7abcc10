/** A command line inside of the process of the test: for what it says and does, where a process of its own is not the point. */

import { PassThrough, Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { run as runCommandLine } from '../../src/cli/run.ts'
import type { Environment, Ran } from './processes.ts'

/** Runs a command of chat-enricher to its end. */
export async function run(args: string[], env: Environment = {}, input = ''): Promise<Ran> {
  const stdout = new PassThrough()
  const stderr = new PassThrough()
  const said = Promise.all([text(stdout), text(stderr)])
  const { signal } = new AbortController()
  const streams = { stdin: Readable.from([Buffer.from(input)]), stdout, stderr }
  const code = await runCommandLine(['node', 'chat-enricher', ...args], { env, ...streams, signal })
  stdout.end()
  stderr.end()
  const [out, err] = await said
  return { code, stdout: out, stderr: err }
}

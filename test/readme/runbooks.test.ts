/** Every command of the runbooks is run against a small fleet, as somebody would at night. */

import { execFile } from 'node:child_process'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { filesIn, textOf, yamlOf } from '../operations/repository.ts'
import { run } from '../support/in-process.ts'
import { killAll, SOAP_SECRETS, startWorker, type WorkerProcess } from '../support/processes.ts'
import { NAMES, startWorld, until, type World } from '../support/world.ts'

const files = filesIn('docs/runbooks', '.md')
const services = Object.keys(yamlOf<{ services: object }>('docker-compose.yml').services)

let world: World
let worker: WorkerProcess

beforeAll(async () => {
  world = await startWorld()
  worker = await startWorker(world.env)
  await world.queue(NAMES.lookupQueue).add('lookup', { connectionId: '12345' })
  await until('it has its result', async () => (await world.queue(NAMES.resultQueue).getWaitingCount()) === 1)
})

afterAll(async () => {
  await killAll()
  await world.close()
})

/** A list may be empty, an id unknown, and the doctor not content with a Redis of a test. */
const ALSO_RIGHT: Record<string, number[]> = { find: [1], lookup: [3], doctor: [1] }

function commandsIn(text: string): string[] {
  return [...text.matchAll(/^```sh\n([\s\S]*?)^```/gm)].flatMap(([, block = '']) => block.trim().split('\n'))
}

/** Words as a shell would have them; the runbooks use single quotes only. */
function wordsOf(command: string): string[] {
  return [...command.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? '')
}

async function ours(command: string): Promise<void> {
  const args = wordsOf(command).slice(1)
  const { code, stderr } = await run(args, { ...world.env, ...SOAP_SECRETS })
  expect([0, ...(ALSO_RIGHT[args[0] ?? ''] ?? [])], `${command}\n${stderr}`).toContain(code)
}

async function ofTheShell(command: string): Promise<void> {
  const here = command
    .replace('http://127.0.0.1:9464', worker.url)
    .replace(/^redis-cli/, `redis-cli -p ${new URL(world.redisUrl).port}`)
  const [error, said] = await new Promise<[unknown, string]>((resolve) => {
    execFile('sh', ['-c', here], (error, stdout, stderr) => resolve([error, stdout + stderr]))
  })
  expect(error, `${here}\n${said}`).toBeNull()
  expect(said, here).not.toMatch(/^\(error\)|^ERR|unknown command/m)
}

/** There is no Docker here; the services must be those of the compose file. */
function ofDocker(command: string): void {
  const words = wordsOf(command).filter((word) => !word.startsWith('-') && !/^\d+$/.test(word))
  expect(['ps', 'logs', 'up'], command).toContain(words[2])
  for (const service of words.slice(3)) expect(services, command).toContain(service.split('=')[0])
}

describe('the commands of', () => {
  it.each(files)('%s do what they say', async (file) => {
    for (const command of commandsIn(textOf(file))) {
      if (command.startsWith('chat-enricher ')) await ours(command)
      else if (command.startsWith('docker compose ')) ofDocker(command)
      else if (/^(curl|redis-cli|date) /.test(command)) await ofTheShell(command)
      else throw new Error(`${file}: expected a command that this test knows how to run, got ${command}`)
    }
    await ours('chat-enricher release')
    await ours('chat-enricher limit --reset')
  })
})

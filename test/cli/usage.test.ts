import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { VARIABLES } from '../../src/config/table.ts'
import { run } from '../support/in-process.ts'
import { run as runProcess, SOAP_SECRETS } from '../support/processes.ts'
import { endAll, watch } from './started.ts'

const COMMANDS = [
  'worker',
  'api',
  'enqueue',
  'lookup',
  'results',
  'webhook',
  'status',
  'find',
  'cancel',
  'limit',
  'hold',
  'release',
  'dead-letters',
  'forget',
  'activity',
  'doctor',
  'stand-in',
  'demo',
  'config',
]
const linesOf = (text: string) => text.split('\n').filter((line) => line !== '')

afterEach(endAll)

describe('help', () => {
  it('lists every command', async () => {
    const { code, stdout } = await runProcess(['--help'])
    expect(code).toBe(0)
    const listed = [...stdout.matchAll(/^ {2}([a-z-]+) .*[A-Z]/gm)].map(([, name]) => name)
    expect(listed).toEqual(expect.arrayContaining(COMMANDS))
    expect(listed.filter((name) => name !== 'help' && !COMMANDS.includes(name as string))).toEqual([])
  })

  it.each(COMMANDS)('of %s tells what it does, with an example that names it', async (command) => {
    const { code, stdout, stderr } = await runProcess([command, '--help'])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout.slice(stdout.indexOf('Example'))).toContain(`chat-enricher ${command}`)
  })

  it('shows the flags of the usual variables, and all of them where it is asked for all', async () => {
    for (const help of ['--help', '-h']) {
      const [usual, all] = [await run(['status', help]), await run(['status', help, 'all'])]
      expect([usual.code, all.code]).toEqual([0, 0])
      for (const { stdout } of [usual, all]) expect(stdout).toMatch(/--watch.*--redis-url .*--soap-endpoint.*Examples/s)
      expect(usual.stdout).not.toMatch(/--redis-sentinels|--redis-url-file|--result-queue/)
      expect(usual.stdout.replace(/\s+/g, ' ')).toContain('--help all shows 11 more flags (Redis and queues)')
      for (const flag of ['--redis-sentinels', '--redis-url-file', '--result-queue']) expect(all.stdout).toContain(flag)
    }
  })

  it('whose reader goes away ends without a complaint', async () => {
    const { ended, stderr } = watch('sh', ['-c', `"${process.execPath}" dist/main.js config | true`])
    expect((await ended).code).toBe(0)
    expect(stderr()).toBe('')
  })
})

describe('a mistyped command line', () => {
  const mistyped: [args: string[], says: RegExp][] = [
    [['nope'], /unknown command 'nope'/],
    [['enque', '1'], /unknown command 'enque' \(Did you mean enqueue\?\)/],
    [['enqueue', '--prioriti', '3', '1'], /unknown option '--prioriti' \(Did you mean --priority\?\)/],
    [['enqueue'], /expected ids or --file, got neither/],
    [['enqueue', '1', '--file', 'x'], /expected ids or --file, got both/],
    [['enqueue', '1', '--priority', '0'], /--priority.*expected a whole number from 1 to 2097151, got "0"/],
    [['enqueue', '1', '--delay', '5s'], /--delay.*expected a whole number from 0 to \d+, got "5s"/],
    [['enqueue', '1', '--correlation-id', 'x'.repeat(257)], /--correlation-id: expected 0 to 256 characters/],
    [
      ['enqueue', '--file', '/no/such/file'],
      /--file: expected a file that can be read, got ENOENT for \/no\/such\/file/,
    ],
    [['enqueue', '--file', '/'], /--file: expected a file, got the folder \//],
    [['enqueue', '--file', 'x', '--format', 'xml'], /--format.*lines, csv, ndjson/],
    [['results', '--limit', '-1'], /--limit.*expected a whole number from 1 .*got "-1"/],
    [['lookup'], /missing required argument 'id'/],
    [['lookup', ''], /connectionId: expected 1 to 256 characters/],
    [['lookup', '1', '2'], /too many arguments/],
    [['status', 'now', 'then'], /too many arguments/],
    [['stand-in', '--port', '65536'], /--port.*from 0 to 65535, got "65536"/],
    [['stand-in', '--fault-rate', '1.1'], /--fault-rate.*from 0 to 1, got "1.1"/],
    [['stand-in', '--fault', 'fire'], /--fault.*Allowed choices are/],
    [['demo', '--lookups', '0'], /--lookups.*from 1 to 1000000, got "0"/],
    [['worker', '--soap-public-key-1', 'canary'], /unknown option '--soap-public-key-1'/],
  ]

  it.each(mistyped)('%j is told in one line, exit 2', async (args, says) => {
    const { code, stdout, stderr } = await run(args)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(linesOf(stderr)).toEqual([expect.stringMatching(says)])
    expect(stderr).toMatch(/^error: /)
    expect(stderr).not.toContain('canary')
  })

  it('without a command shows what there is, exit 2', async () => {
    const { code, stderr } = await run([])
    expect(code).toBe(2)
    for (const command of COMMANDS) expect(stderr).toContain(command)
  })
})

describe('a bad configuration', () => {
  it('is told with one line for each problem, exit 78, and no secret', async () => {
    const env = { REDIS_URL: 'http://:canary@host', CONCURRENCY: 'many', SOAP_PUBLIC_KEY_1: 'canary', LOG_LEVEL: 'x' }
    const { code, stdout, stderr } = await run(['worker'], env)
    expect({ code, stdout }).toEqual({ code: 78, stdout: '' })
    expect(linesOf(stderr).map((line) => line.split(':')[0])).toEqual([
      'REDIS_URL',
      'SOAP_ENDPOINT',
      'SOAP_ENCRYPTED_USER',
      'SOAP_ENCRYPTED_PASSWORD',
      'SOAP_ENCRYPTED_SIGNATURE',
      'CONCURRENCY',
      'LOG_LEVEL',
    ])
    expect(stderr).not.toContain('canary')
  })

  it.each(['enqueue 1', 'results', 'status', 'lookup 1', 'config', 'worker'])(
    'ends %s before it does anything',
    async (line) => {
      const { code, stdout } = await run(line.split(' '), {
        QUEUE_PREFIX: 'a b',
        SOAP_ENDPOINT: 'http://x',
        ...SOAP_SECRETS,
      })
      expect({ code, stdout }).toEqual({ code: 78, stdout: '' })
    },
  )

  it('of a name that is mistyped is a warning that names the nearest', async () => {
    const { code, stderr } = await run(['config', '--json'], { CONCURENCY: '1' })
    expect(code).toBe(0)
    expect(stderr).toBe('warning: CONCURENCY: not a variable of chat-enricher; did you mean CONCURRENCY?\n')
  })
})

describe('config', () => {
  const env = {
    ...SOAP_SECRETS,
    SOAP_ENDPOINT: 'https://user:canary-url@crm.example/x.asmx',
    REDIS_URL: 'redis://:canary-redis@host',
  }

  it('--json gives every variable, its value and where it comes from, secrets masked', async () => {
    const { code, stdout } = await run(['config', '--json', '--concurrency', '7'], env)
    const settings = JSON.parse(stdout)
    expect(code).toBe(0)
    expect(Object.keys(settings)).toEqual(Object.values(VARIABLES).map(({ name }) => name))
    expect(settings).toMatchObject({
      CONCURRENCY: { value: '7', source: 'flag' },
      REDIS_URL: { value: 'redis://:********@host', source: 'environment' },
      SOAP_PUBLIC_KEY_1: { value: '********', source: 'environment' },
      SOAP_CA_FILE: { value: null, source: 'not set' },
      LOG_LEVEL: { value: 'info', source: 'default' },
    })
    expect(stdout).not.toContain('canary')
  })

  it('shows the same as a table, one line a variable, with what each means', async () => {
    const { stdout } = await run(['config'], env)
    for (const { name } of Object.values(VARIABLES)) expect(stdout).toMatch(new RegExp(`│ ${name} +│`))
    expect(linesOf(stdout)).toHaveLength(Object.keys(VARIABLES).length + 3)
    expect(stdout).not.toContain('canary')
  })

  it('takes secrets from files', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'chat-enricher-cli-'))
    try {
      const file = join(folder, 'key')
      writeFileSync(file, 'canary\n')
      const { stdout } = await run(['config', '--json', '--soap-public-key-1-file', file])
      expect(JSON.parse(stdout).SOAP_PUBLIC_KEY_1).toEqual({ value: `(from ${file})`, source: 'file' })
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})

describe('where Redis is not', () => {
  const commands = [
    'enqueue 1',
    'enqueue 1 --wait',
    'results',
    'results --follow',
    'status',
    'status --watch',
    'activity',
    'demo --once',
  ]
  let silent: Server
  beforeAll(async () => {
    silent = createServer().listen(0, '127.0.0.1') // takes connections and says nothing, as a Redis that hangs
    await once(silent, 'listening')
  })
  afterAll(() => silent.close())

  it.each(commands)('%s says so within seconds, exit 1, with the place and without the password', async (line) => {
    const startedAt = performance.now()
    const { code, stdout, stderr } = await runProcess(line.split(' '), { REDIS_URL: 'redis://:canary@127.0.0.1:1' })
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr.split('\n')[0]).toMatch(
      /^error: REDIS_URL: expected a Redis that answers at 127\.0\.0\.1:1, got ECONNREFUSED\. Is it running there\?/,
    )
    expect(stderr).not.toContain('canary')
    expect(performance.now() - startedAt).toBeLessThan(8000)
  })

  it('but something that takes the connection and never answers, the same', async () => {
    const { port } = silent.address() as { port: number }
    const startedAt = performance.now()
    const { code, stderr } = await runProcess(['status'], { REDIS_URL: `redis://:canary@127.0.0.1:${port}` })
    expect(code).toBe(1)
    expect(stderr).toContain(`expected a Redis that answers at 127.0.0.1:${port}, got no answer in 5 s`)
    expect(stderr).not.toContain('canary')
    expect(performance.now() - startedAt).toBeLessThan(15_000)
  })
})

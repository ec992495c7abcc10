/** The programs that docs/http.md shows: against a fleet that runs, and against an API that is busy at first. */

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { endAll, parseLines, start } from '../cli/started.ts'
import { killAll, startWorker } from '../support/processes.ts'
import { startWorld, until, type World } from '../support/world.ts'
import { example, Folder, has, PYTHON, program, runIn } from './programs.ts'

const API_TOKEN = '0123456789abcdef0123456789abcdef'

let world: World
let api: { API_URL: string; API_TOKEN: string }
let folder: Folder
beforeAll(async () => {
  world = await startWorld()
  await startWorker(world.env)
  const env = { REDIS_URL: world.redisUrl, API_PORT: '0', API_TOKENS: `crm:enqueue:${API_TOKEN}`, LOG_FORMAT: 'json' }
  const [, url = ''] = await start(['api'], env).says(/"url":"([^"]+)"/)
  api = { API_URL: url, API_TOKEN }
})
afterAll(async () => {
  await Promise.all([endAll(), killAll()])
  await world.close()
})
beforeEach(async () => {
  folder = new Folder()
  const { length } = await world.redis.keys('bull:chat-lookups*')
  if (length > 0) await world.redis.flushdb()
})
afterEach(() => folder.remove())

const COMPILE = ['-r:System.Net.Http.dll', '-r:System.Runtime.Serialization.dll', '-out:p.exe', 'p.cs']

/** How each is run; `needs` is what its first line says, and what it prints of the ChatRequest. */
const programs = [
  {
    name: 'lookup.sh',
    needs: () => has('curl', '--version') && has('jq', '--version'),
    run: (env: object) => runIn(folder, 'sh', ['-eu', folder.write('p.sh', example('http/lookup.sh'))], env),
  },
  {
    name: 'lookup.py',
    needs: () => has(PYTHON, '-c', 'import requests'),
    run: (env: object) => runIn(folder, PYTHON, ['-I', folder.write('p.py', example('http/lookup.py'))], env),
  },
  {
    name: 'lookup.php',
    needs: () => has('php', '-r', 'curl_init();'),
    run: (env: object) => runIn(folder, 'php', [folder.write('p.php', example('http/lookup.php'))], env),
  },
  {
    name: 'Lookup.cs',
    needs: () => has('mcs', '--version') && has('sh', '-c', 'ls /usr/lib/mono/4.5/System.Net.Http.dll'),
    run: async (env: object) => {
      folder.write('p.cs', example('http/Lookup.cs'))
      await runIn(folder, 'mcs', COMPILE)
      return runIn(folder, 'mono', ['p.exe'], env)
    },
  },
]

describe.each(programs)('examples/http/$name', ({ needs, run }) => {
  it.skipIf(!needs())('prints an enriched ChatRequest (skipped without what its first line installs)', async () => {
    const printed = await run(api)
    for (const part of ['1456487687', '2018-12-28T13:42:48.1234567', 'Luíza']) expect(printed).toContain(part)
    expect(printed).not.toContain(API_TOKEN)
  })

  it.skipIf(!needs())('asks again, with the same key, when the API is busy', async () => {
    const busy = await busyOnce()
    try {
      expect(await run({ ...api, API_URL: busy.url })).toContain('Luíza')
      expect(busy.keys.slice(0, 2)).toEqual(['order-7', 'order-7'])
    } finally {
      await busy.close()
    }
  })

  it.skipIf(!needs())('fails when it may not ask', async () => {
    await expect(run({ ...api, API_TOKEN: 'another' })).rejects.toThrow(/401/)
  })
})

describe('README: HTTP', () => {
  it.skipIf(!programs[0]?.needs())('curl looks one up, enqueues NDJSON, and reads the status', async () => {
    const env = { REDIS_URL: world.redisUrl, API_PORT: '0', LOG_FORMAT: 'json' }
    const [, url = ''] = await start(['api'], env).says(/"url":"([^"]+)"/)
    const shown = 'http://127.0.0.1:8080'
    const text = program('sh', shown)
    expect(text).toContain(shown)
    const printed = await runIn(folder, 'sh', ['-eu', folder.write('p.sh', text.replace(shown, url))])
    expect(printed).toContain('"userName": "Luíza"')
    for (const line of [1, 2, 3]) expect(printed).toContain(`{"line":${line},"lookupId":"lk-`)
    expect(printed).toMatch(/^\d+$/m)
  })
})

describe('what they enqueue besides', () => {
  it.skipIf(!programs[0]?.needs())('lookup.sh: NDJSON, acknowledged line by line', async () => {
    const printed = (await programs[0]?.run(api)) ?? ''
    const acks = parseLines(printed.slice(printed.indexOf('{"line"')))
    expect(acks).toMatchObject([
      { line: 1, connectionId: '4', isNew: true },
      { line: 2, connectionId: '5', isNew: true },
    ])
    await until('both have their result', async () => (await world.queue('chat-results').count()) === 2)
  })

  it.skipIf(!programs[1]?.needs())('lookup.py: a batch', async () => {
    const printed = (await programs[1]?.run(api)) ?? ''
    expect(printed.split('\n').slice(1, 3)).toEqual([
      expect.stringMatching(/^lk-\w{32} True$/),
      expect.stringMatching(/^lk-\w{32} True$/),
    ])
    await until('both have their result', async () => (await world.queue('chat-results').count()) === 2)
  })
})

/** The API, but the first request is answered with 503. */
async function busyOnce() {
  const keys: unknown[] = []
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const body = Buffer.concat(chunks)
    keys.push(request.headers['idempotency-key'] ?? JSON.parse(String(body).split('\n')[0] ?? '').idempotencyKey)
    if (keys.length === 1) return response.writeHead(503, { 'retry-after': '1' }).end('{}')
    const answer = await fetch(api.API_URL + request.url, {
      method: 'POST',
      headers: pick(request.headers),
      body,
    })
    response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' })
    response.end(await answer.text())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    keys,
    close: () => new Promise((resolve) => server.close(resolve)),
  }
}

function pick(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  const names = ['authorization', 'content-type', 'idempotency-key']
  return Object.fromEntries(names.flatMap((name) => (headers[name] ? [[name, String(headers[name])]] : [])))
}

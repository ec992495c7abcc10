import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type ClientRequest, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, expect, it } from 'vitest'
import { useWorld } from '../support/use-world.ts'
import { NAMES, until } from '../support/world.ts'
import { startApi, stopAll } from './api.ts'

const world = useWorld()
const folder = mkdtempSync(join(tmpdir(), 'chat-enricher-access-'))
afterEach(stopAll)
afterAll(() => rmSync(folder, { recursive: true }))

const AUTHORIZATION = 'Bearer canary-of-a-reader'

it('has a line and a count for whoever leaves before the end', async () => {
  const tokens = 'reader:results+view+enqueue:canary-of-a-reader'
  const api = await startApi({ REDIS_URL: world.redisUrl, API_TOKENS: tokens, RESULT_STREAM: 'bull:results-stream' })
  const ask = (method: string, path: string, type = 'application/json', more: Record<string, string> = {}) => {
    const headers = { authorization: AUTHORIZATION, 'content-type': type, ...more }
    return request(api.url + path, { method, headers, agent: false }).on('error', () => {})
  }
  const leaveOn = (event: string, asked: ClientRequest) => asked.once(event, () => asked.destroy())

  for (const path of ['/v1/results/stream', '/v1/live']) leaveOn('response', ask('GET', path)).end()
  leaveOn('response', ask('POST', '/v1/lookups', 'application/x-ndjson')).write('{"connectionId":"1"}\n')
  const waits = ask('POST', '/v1/lookups?wait=30')
  waits.end('{"connectionId":"2"}')
  await until('it waits', async () => (await world.queue(NAMES.lookupQueue).getJobs()).some(isOf('2')))
  waits.destroy()
  const cut = ask('POST', '/v1/lookups/cancel', 'application/json', { 'content-length': '50', expect: '100-continue' })
  leaveOn('continue', cut).flushHeaders()

  const wanted = [
    ['GET /v1/results/stream', 200],
    ['GET /v1/live', 200],
    ['POST /v1/lookups', 200],
    ['POST /v1/lookups', 499],
    ['POST /v1/lookups/cancel', 499],
  ] as const
  const lines = wanted.map(([route, status]) => `"who":"reader","msg":"${route} ${status}"`)
  await until('all have a line', () => lines.every((line) => api.log().includes(line)))
  const { text } = await api.ask('GET', '/metrics')
  for (const [route, status] of wanted)
    expect(text).toContain(`http_requests_total{route="${route.split(' ')[1]}",status="${status}"} 1\n`)
  expect(api.log()).not.toContain('canary')
})

const isOf = (connectionId: string) => (job: { data: { connectionId?: string } }) =>
  job.data.connectionId === connectionId

it('says when a file of tokens does not count, so that a token that was taken out still does', async () => {
  const file = join(folder, 'tokens')
  writeFileSync(file, 'crm:enqueue:canary-first,erp:enqueue:canary-of-erp')
  const api = await startApi({ REDIS_URL: world.redisUrl, API_TOKENS_FILE: file })
  const metric = async () => /^chat_enricher_tokens_stale \d$/m.exec((await api.ask('GET', '/metrics')).text)?.[0]
  expect(await metric()).toBe('chat_enricher_tokens_stale 0')
  writeFileSync(file, 'crm:enqueue:canary-second,erp:enqueueue:canary-of-erp')
  await until('it says so', () =>
    api.log().includes('the file does not count: entry 2 (erp): a role that there is not'),
  )
  expect(await metric()).toBe('chat_enricher_tokens_stale 1')
  writeFileSync(file, 'crm:enqueue:canary-second,erp:enqueue:canary-of-erp')
  await until('it says that it counts', () => api.log().includes('API_TOKENS: the file counts again'))
  expect(await metric()).toBe('chat_enricher_tokens_stale 0')
  expect(api.log()).not.toContain('canary')
})

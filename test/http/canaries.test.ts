/**
 * Tokens, ids and what the service said of a customer: none of it in access logs, problems, metrics and the description of
 * the API, and in no answer that is not about that lookup. A route without a case here fails the test.
 */

import { afterEach, expect, it } from 'vitest'
import { startWorker } from '../support/processes.ts'
import { useWorld } from '../support/use-world.ts'
import { type Api, type Ask, send, startApi, stopAll } from './api.ts'

const TOKEN = 'canary-token-of-somebody-who-may-all'
const LOOKER = 'canary-token-of-a-looker-012345'
const API_TOKENS = `all:enqueue+results+view+operate+forget:${TOKEN},looker:view:${LOOKER}`
const KEY = 'canary-key'
const LOOKUP = {
  connectionId: 'canary-connection',
  correlationId: 'canary-correlation',
  metadata: { customer: 'canary-customer' },
}
const SELECTION = { connectionId: 'canary-none', correlationId: 'canary-none' }
/** A field of each is wrong, and says so by its name alone. */
const WRONG = { body: { reason: 'canary\n', selection: { state: 'canary' }, lookupIds: 'canary', connectionId: 7 } }
const HEADERS = { 'user-agent': 'canary', referer: 'http://canary/', 'x-request-id': 'canary', traceparent: 'canary' }

type Case = Ask & { query?: string }
/** Each route, with what may be asked and what may not. `{lookupId}` is one that has ended. */
const CASES: Record<string, Case[]> = {
  'GET /session': [{}, { headers: { cookie: 'chat_enricher_session=canary.1.canary', authorization: '' } }],
  'POST /session': [{ body: { token: TOKEN } }, { body: { token: 'canary-guess' } }, WRONG],
  'DELETE /session': [{}, { query: '?a=canary' }],
  'POST /v1/lookups': [
    { body: LOOKUP, headers: { 'idempotency-key': KEY } },
    { body: { ...LOOKUP, connectionId: 'canary-other' }, headers: { 'idempotency-key': KEY } },
    { body: { lookups: [LOOKUP, { connectionId: '', metadata: 'canary' }] } },
    { body: LOOKUP, query: '?dryRun=true' },
    { body: { ...LOOKUP, producer: 'canary' } },
    { raw: '{"connectionId":canary}', headers: { 'content-type': 'application/json' } },
    { raw: '{"connectionId":"canary-line"}\ncanary\n', headers: { 'content-type': 'application/x-ndjson' } },
    { raw: 'canary', headers: { 'content-type': 'text/canary' } },
    WRONG,
  ],
  'GET /v1/lookups/{lookupId}': [{}, { query: '?result=false' }, { query: '?wait=canary' }],
  'GET /v1/lookups': [{ query: '?connectionId=canary-connection' }, { query: '?state=canary&next=canary' }],
  'POST /v1/lookups/cancel': [{ body: { lookupIds: ['lk-none'] } }, { body: { selection: SELECTION } }, WRONG],
  'GET /v1/actions/{actionId}': [{}, { query: '?a=canary' }],
  'POST /v1/lookups/{lookupId}/show': [{ body: {} }, { query: '?a=canary', body: {} }],
  'GET /v1/results/stream': [{ headers: { 'last-event-id': 'canary' } }, { headers: { 'last-event-id': '1-0' } }],
  'GET /v1/live': [{}, { query: '?a=canary' }],
  'GET /v1/status': [{}, { query: '?a=canary' }],
  'GET /v1/activity': [{}, { query: '?limit=canary' }],
  'GET /v1/history': [{}, { query: '?a=canary' }],
  'GET /v1/dead-letters': [{ query: '?connectionId=canary-none' }, { query: '?failure=canary' }],
  'GET /v1/dead-letters/{lookupId}': [{}, { query: '?a=canary' }],
  'POST /v1/dead-letters/redrive': [{ body: { selection: SELECTION } }, { body: { lookupIds: ['lk-none'] } }, WRONG],
  'POST /v1/dead-letters/drop': [{ body: { selection: SELECTION, reason: 'a customer asked' } }, WRONG],
  'GET /v1/holds': [{}, { query: '?a=canary' }],
  'POST /v1/holds': [{ body: { reason: 'maintenance', forMs: 1000 } }, WRONG],
  'DELETE /v1/holds': [{ body: { pace: 'canary' } }, { body: {} }],
  'GET /v1/limit': [{}, { query: '?a=canary' }],
  'PUT /v1/limit': [{ body: { ratePerSecond: 'canary' } }, { body: { ratePerSecond: 50 } }],
  'DELETE /v1/limit': [{ query: '?a=canary' }, {}],
  'POST /v1/forget': [{ body: { connectionId: 'canary-forgotten' } }, WRONG],
}
/** No route of the description: pages, probes, and what is not there. */
const OTHERS: Record<string, Case[]> = {
  'GET /': [{ query: '?a=canary' }],
  'GET /console/canary.js': [{}],
  'GET /docs/': [{ query: '?a=canary' }],
  'GET /docs/static/canary': [{}],
  'GET /openapi.json': [{ query: '?a=canary' }],
  'GET /livez': [{}],
  'GET /readyz': [{}],
  'GET /metrics': [{ query: '?a=canary' }],
  'GET /canary/{lookupId}': [{}],
  'CANARY /v1/status': [{}],
}
/** They are about lookups that the caller named, or put on the queue. */
const SHOWS = ['POST /v1/lookups', 'GET /v1/lookups', 'GET /v1/lookups/{lookupId}', 'POST /v1/lookups/{lookupId}/show']

const world = useWorld()
let api: Api
/** What the service said of the customer, and the ids of a lookup. */
let secrets: string[]
let path: (route: string) => string

afterEach(stopAll)
async function startAll(): Promise<void> {
  await startWorker({ ...world.env, RESULT_STREAM: 'bull:results-stream' })
  const env = { REDIS_URL: world.redisUrl, RESULT_STREAM: 'bull:results-stream', API_TOKENS }
  api = await startApi({ ...env, API_REQUESTS_PER_SECOND: '100000', LOG_LEVEL: 'debug' })
  const asked = { token: TOKEN, body: LOOKUP }
  const { lookupId, status, chatRequest } = (await api.ask('POST', '/v1/lookups?wait=60', asked)).body
  expect(status).toBe('enriched')
  const said = Object.values(chatRequest as object).filter((value) => typeof value === 'string' && value.length > 5)
  expect(said.length).toBeGreaterThan(3)
  secrets = ['canary', lookupId, ...said]
  path = (route) => route.replace('{lookupId}', lookupId).replace('{actionId}', `ac-${'0'.repeat(24)}`)
}

it('every route has a case', async () => {
  api = await startApi({ REDIS_URL: world.redisUrl, API_TOKENS })
  const { body } = await send(api.url, 'GET', '/openapi.json', { token: TOKEN })
  const routes = Object.entries(body.paths as Record<string, object>).flatMap(([route, operations]) =>
    Object.keys(operations).map((method) => `${method.toUpperCase()} ${route}`),
  )
  expect(Object.keys(CASES).sort()).toEqual(routes.sort())
})

it('no route tells what is not for whoever asks, and none of it is in log, metrics or description', async () => {
  await startAll()
  const seen: string[] = []
  for (const [route, cases] of Object.entries({ ...CASES, ...OTHERS })) {
    for (const { query = '', headers, ...asked } of cases) {
      const [method = '', bare = ''] = route.split(' ')
      for (const token of [TOKEN, LOOKER, undefined]) {
        const who = token === undefined ? {} : { token }
        const answer = await send(api.url, method, path(bare) + query, {
          ...who,
          ...asked,
          headers: { ...HEADERS, ...headers },
        })
        seen.push(`${route} ${answer.status}`)
        if (answer.status >= 400 || !SHOWS.includes(route))
          tellsNothing(`${route}${query} ${answer.status}`, answer.text)
      }
    }
  }
  const guesses = Object.keys(CASES).map((route) => {
    const [method = '', bare = ''] = route.split(' ')
    return send(api.url, method, path(bare), { token: 'canary-guess' })
  })
  for (const { status, text } of await Promise.all(guesses)) tellsNothing(`a guess: ${status}`, text)
  // Each route was asked with success, or what it says of a lookup, an action or an id that is none.
  const succeeded = seen.filter((one) => /20\d$/.test(one)).map((one) => one.replace(/ \d+$/, ''))
  const never = Object.keys(CASES).filter((route) => !succeeded.includes(route))
  expect(never).toEqual(['GET /v1/actions/{actionId}', 'GET /v1/dead-letters/{lookupId}'])
  for (const where of ['/metrics', '/openapi.json'])
    tellsNothing(where, (await send(api.url, 'GET', where, { token: TOKEN })).text)
  await api.stop()
  expect(api.log()).toContain('GET /v1/lookups/:lookupId 200')
  tellsNothing('the log', api.log())
})

function tellsNothing(where: string, text: string): void {
  for (const secret of secrets)
    expect(text.includes(secret), `${where} has ${secret}: ${text.slice(0, 500)}`).toBe(false)
}

import { afterEach, describe, expect, it } from 'vitest'
import { run } from '../support/in-process.ts'
import { startWorker } from '../support/processes.ts'
import { useWorld } from '../support/use-world.ts'
import { until } from '../support/world.ts'
import { startApi, stopAll } from './api.ts'

const world = useWorld()
afterEach(stopAll)

describe('the fleet over HTTP', () => {
  it('says what status --json says', async () => {
    await startWorker(world.env)
    const api = await startApi({ REDIS_URL: world.redisUrl })
    const { status, body } = await api.ask('GET', '/v1/status')
    const { stdout } = await run(['status', '--json'], { REDIS_URL: world.redisUrl })
    expect(status).toBe(200)
    expect(Object.keys(body).sort()).toEqual(Object.keys(JSON.parse(stdout)).sort())
    expect(body).toMatchObject({ backlog: 0, serviceProblem: null, holds: [] })
  })

  it('holds and releases, with the reason of before where none is given, and says so at once', async () => {
    await startWorker(world.env)
    const api = await startApi({ REDIS_URL: world.redisUrl })
    expect((await api.ask('GET', '/v1/holds')).body.holds).toEqual([])
    const begun = await api.ask('POST', '/v1/holds', { body: { reason: 'maintenance', forMs: 60_000 } })
    expect(begun.body.holds).toMatchObject([{ reason: 'manual', why: 'maintenance' }])
    const again = await api.ask('POST', '/v1/holds', { body: {} })
    expect(again.body.holds[0].why).toBe('maintenance')
    expect(again.body.holds[0].expiresAt).toBeGreaterThan(begun.body.holds[0].expiresAt)
    expect((await run(['status', '--json'], { REDIS_URL: world.redisUrl })).stdout).toContain('maintenance')
    expect((await api.ask('DELETE', '/v1/holds')).body).toEqual({ holds: ['manual'], paceBefore: null })
    expect((await api.ask('DELETE', '/v1/holds', { body: { acceptCode: 5, pace: 0.5 } })).body.holds).toEqual([])
    expect((await api.ask('DELETE', '/v1/holds')).body).toEqual({ holds: [], paceBefore: 0.5 })
    const { body } = await api.ask('GET', '/v1/activity?limit=10')
    expect(body.activity.map(({ action }: { action: string }) => action)).toContain('accept-code')
    expect(body.activity[0].who).toMatch(/^api@/)
  })

  it('sets limits and takes them back', async () => {
    await startWorker(world.env)
    const api = await startApi({ REDIS_URL: world.redisUrl })
    const set = await api.ask('PUT', '/v1/limit', { body: { ratePerSecond: 7.5, inFlight: null } })
    expect(set.body.set).toEqual({ rate: 7.5, inFlight: null })
    const { stdout } = await run(['limit', '--json'], { REDIS_URL: world.redisUrl })
    expect((await api.ask('GET', '/v1/limit')).body).toEqual(JSON.parse(stdout))
    expect((await api.ask('DELETE', '/v1/limit')).body.set).toEqual({})
  })

  it('shows what gave up, by cause, of a selection', async () => {
    const api = await startApi({ REDIS_URL: world.redisUrl })
    expect((await api.ask('GET', '/v1/dead-letters')).body).toEqual({ groups: [], looked: 0, unread: 0 })
    expect((await api.ask('GET', '/v1/dead-letters?failure=timeout&olderThanMs=0')).status).toBe(200)
    const wrong = await api.ask('GET', '/v1/dead-letters?failure=canary')
    expect([wrong.status, wrong.body.errors[0].field]).toEqual([400, 'failure'])
    expect(wrong.text).not.toContain('canary')
    expect((await api.ask('GET', '/v1/dead-letters?failed=timeout')).status).toBe(400)
  })

  it('names each field that is wrong, unknown or empty', async () => {
    const api = await startApi({ REDIS_URL: world.redisUrl })
    const { status, body } = await api.ask('POST', '/v1/holds', { body: { reason: '', forMs: '1', why: 'x' } })
    expect(status).toBe(400)
    expect(body).toMatchObject({ type: 'about:blank', status: 400, code: 'invalid-request', title: 'Bad Request' })
    expect(body.errors.map(({ field }: { field: string }) => field).sort()).toEqual(['forMs', 'reason', 'why'])
    expect((await api.ask('PUT', '/v1/limit', { body: {} })).body.detail).toContain('expected at least one of')
    const limit = await api.ask('PUT', '/v1/limit', { body: { burst: 0 } })
    expect(limit.body.errors[0]).toMatchObject({ field: 'burst' })
    expect((await api.ask('GET', '/v1/activity?limit=')).body.errors[0].field).toBe('limit')
    expect((await api.ask('GET', '/v1/activity?count=1')).body.errors[0]).toEqual({
      field: 'count',
      problem: 'there is no such field',
    })
  })

  it('does not guess whose holds are meant: 409, as long as no worker has called', async () => {
    const api = await startApi({ REDIS_URL: world.redisUrl })
    expect((await api.ask('GET', '/v1/status')).status).toBe(200)
    for (const [method, path, body] of [
      ['GET', '/v1/holds'],
      ['POST', '/v1/holds', {}],
      ['GET', '/v1/limit'],
      ['PUT', '/v1/limit', { burst: 2 }],
    ] as const) {
      const answer = await api.ask(method, path, body === undefined ? {} : { body })
      expect([answer.status, answer.body.code]).toEqual([409, 'service-unknown'])
    }
  })

  it('takes no lookups while nobody takes the results, says when to come again, and takes them afterwards', async () => {
    await startWorker({ ...world.env, RESULT_BACKLOG_LIMIT: '1' })
    const api = await startApi({ REDIS_URL: world.redisUrl })
    const post = () => api.ask('POST', '/v1/lookups', { body: { connectionId: '1' } })
    expect((await post()).status).toBe(202)
    await until('the fleet holds', async () => (await api.ask('GET', '/v1/holds')).body.holds[0]?.reason === 'results')
    await until('none is taken', async () => (await post()).status === 503)
    const { headers, body } = await post()
    expect([body.code, headers.get('retry-after')]).toEqual(['results-piled-up', '10'])
    const raw = '{"connectionId":"2"}\n'
    const stream = await api.ask('POST', '/v1/lookups', { raw, headers: { 'content-type': 'application/x-ndjson' } })
    expect([stream.status, stream.body.code]).toEqual([503, 'results-piled-up'])
    await until('somebody takes the results, and lookups are taken', async () => {
      await world.queue('chat-results').drain()
      return (await post()).status === 202
    })
  })
})

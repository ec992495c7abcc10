import { afterAll, beforeAll, expect, it } from 'vitest'
import { ROLES, type Role } from '../../src/domain/role.ts'
import { startWorld, type World } from '../support/world.ts'
import { type Api, send, startApi, stopAll } from './api.ts'

/** Who may ask each route. A route that is not here is a route that nobody has thought about. */
const MAY: Record<string, readonly Role[] | 'any' | 'everybody'> = {
  'GET /session': 'any',
  'POST /session': 'everybody',
  'DELETE /session': 'everybody',
  'POST /v1/lookups': ['enqueue'],
  'GET /v1/lookups/{lookupId}': ['enqueue', 'view', 'operate'],
  'GET /v1/lookups': ['view', 'operate'],
  'POST /v1/lookups/cancel': ['enqueue', 'operate'],
  'GET /v1/actions/{actionId}': ['enqueue', 'view', 'operate'],
  'POST /v1/lookups/{lookupId}/show': ['results'],
  'GET /v1/results/stream': ['results'],
  'GET /v1/live': ['view', 'operate'],
  'GET /v1/status': ['view', 'operate'],
  'GET /v1/activity': ['view', 'operate'],
  'GET /v1/history': ['view', 'operate'],
  'GET /v1/dead-letters': ['view', 'operate'],
  'GET /v1/dead-letters/{lookupId}': ['view', 'operate'],
  'POST /v1/dead-letters/redrive': ['operate'],
  'POST /v1/dead-letters/drop': ['operate'],
  'GET /v1/holds': ['view', 'operate'],
  'POST /v1/holds': ['operate'],
  'DELETE /v1/holds': ['operate'],
  'GET /v1/limit': ['view', 'operate'],
  'PUT /v1/limit': ['operate'],
  'DELETE /v1/limit': ['operate'],
  'POST /v1/forget': ['forget'],
}

const token = (role: Role) => `token-with-the-role-${role}`

let world: World
let api: Api
beforeAll(async () => {
  world = await startWorld()
  const API_TOKENS = ROLES.map((role) => `only-${role}:${role}:${token(role)}`).join('\n')
  api = await startApi({ REDIS_URL: world.redisUrl, API_TOKENS, API_REQUESTS_PER_SECOND: '100000' })
})
afterAll(async () => {
  await stopAll()
  await world.close()
})

it('every route is in the table of who may ask it', async () => {
  const { body } = await send(api.url, 'GET', '/openapi.json', { token: token('view') })
  const routes = Object.entries(body.paths as Record<string, object>).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
  )
  expect(routes.sort()).toEqual(Object.keys(MAY).sort())
})

it.each(Object.keys(MAY))('%s is for its roles, and for nobody else', async (route) => {
  const [method = '', pattern = ''] = route.split(' ')
  const path = pattern.replace('{lookupId}', 'lk-none').replace('{actionId}', `ac-${'0'.repeat(24)}`)
  const body = method === 'GET' || method === 'DELETE' ? {} : { body: { nonsense: true } }
  const may = MAY[route] ?? []
  const without = await api.ask(method, path, body)
  if (may === 'everybody') expect([401, 403]).not.toContain(without.status)
  else expect(without.status).toBe(401)
  for (const role of ROLES) {
    const { status, body: said } = await api.ask(method, path, { token: token(role), ...body })
    if (typeof may === 'string' || may.includes(role)) expect([401, 403], `${role}: ${status}`).not.toContain(status)
    else expect([status, said.code], role).toEqual([403, 'role-missing'])
  }
})

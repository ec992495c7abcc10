import { createConfig, lintFromString } from '@redocly/openapi-core'
import { afterEach, expect, it } from 'vitest'
import { type OpenApi, send, startApi, stopAll } from './api.ts'

afterEach(stopAll)

it('/openapi.json is what a public linter recommends', async () => {
  const api = await startApi({ REDIS_URL: 'redis://127.0.0.1:1' })
  const { text: source, body } = await send(api.url, 'GET', '/openapi.json')
  expect(body.openapi).toBe('3.1.0')
  const config = await createConfig({ extends: ['recommended'] })
  const problems = await lintFromString({ source, absoluteRef: 'openapi.json', config })
  expect(problems.map(({ ruleId, message }) => `${ruleId}: ${message}`)).toEqual([])
  const altered = source.replaceAll('"operationId"', '"x-id"')
  expect(await lintFromString({ source: altered, absoluteRef: 'openapi.json', config })).not.toEqual([])
})

it('/openapi.json says of each request and answer what the API does', async () => {
  const api = await startApi({ REDIS_URL: 'redis://127.0.0.1:1' })
  const { paths } = (await send(api.url, 'GET', '/openapi.json')).body as OpenApi
  const lookups = paths['/v1/lookups']?.post?.requestBody
  expect(Object.keys(lookups?.content ?? {})).toEqual(['application/json', 'application/x-ndjson'])
  expect(lookups?.content['application/x-ndjson']).toEqual({
    schema: { $ref: '#/components/schemas/LookupOfManyInput' },
  })
  const all = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ route: `${method.toUpperCase()} ${path}`, ...operation })),
  )
  const mayBeLeftOut = all.filter(({ requestBody }) => requestBody && !requestBody.required)
  expect(mayBeLeftOut.map(({ route }) => route)).toEqual(['DELETE /v1/holds'])
  for (const { route, responses } of all) {
    const ofBody = route.startsWith('GET') ? [] : ['400', '408', '413', '415']
    expect(Object.keys(responses), route).toEqual(expect.arrayContaining(ofBody))
    for (const status of ['429', '503']) expect(responses[status]?.headers, route).toHaveProperty('Retry-After')
  }
})

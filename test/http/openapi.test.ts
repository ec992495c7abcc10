import { createConfig, lintFromString } from '@redocly/openapi-core'
import { afterEach, expect, it } from 'vitest'
import { send, startApi, stopAll } from './api.ts'

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

import { expect, test } from 'vitest'
import { loadConfig } from '../config/config.ts'
import { VARIABLES } from '../config/table.ts'
import { fleetSettings } from './fleet-settings.ts'

const of = (env: Record<string, string>) => fleetSettings(loadConfig(env).config)

test('a worker with nothing but defaults has nothing to say', () => {
  expect(of({})).toEqual({})
  expect(of({ LOOKUP_ATTEMPTS: '5', COALESCE: 'true' })).toEqual({})
})

test('what should be the same everywhere is said as text', () => {
  const env = {
    LOOKUP_ATTEMPTS: '3',
    SOAP_NOT_FOUND_CODES: '5,6',
    NOT_FOUND_RECHECK: '5s,1m',
    RESULT_BACKLOG_LIMIT: 'none',
  }
  expect(of(env)).toEqual({
    LOOKUP_ATTEMPTS: '3',
    SOAP_NOT_FOUND_CODES: '5,6',
    NOT_FOUND_RECHECK: '5000,60000',
    RESULT_BACKLOG_LIMIT: 'none',
  })
})

test('no secret, no address, no id, and nothing that belongs to one machine is said', () => {
  const env = {
    SOAP_ENDPOINT: 'https://canary.example/x.asmx',
    SOAP_PUBLIC_KEY_1: 'canary-key',
    SOAP_PROBE_CONNECTION_ID: 'canary-id',
    HTTPS_PROXY: 'http://canary:canary@proxy.example:1',
    NO_PROXY: 'canary.example',
    NOTIFY_URL: 'https://canary.example/token',
    HEARTBEAT_URL: 'https://canary.example/token',
    CONCURRENCY: '7',
  }
  expect(of(env)).toEqual({})
  expect(Object.values(VARIABLES).map(({ name }) => name)).toEqual(expect.arrayContaining(Object.keys(env)))
})

import { describe, expect, it } from 'vitest'
import { gateKeys, serviceOf } from '../../src/redis/names.ts'
import { run } from '../support/in-process.ts'
import { SOAP_SECRETS } from '../support/processes.ts'
import { useWorld } from '../support/use-world.ts'
import { NAMES } from '../support/world.ts'
import { start } from './started.ts'

const FAULT = { id: 'faulty', fault: { code: 'Client' as const, string: 'the text of the service' } }
const DOWN = { id: 'down', fault: { code: 'Server' as const, string: 'the text of the service' } }

const world = useWorld({ standIn: { answers: [{ id: 'nobody', result: null }, FAULT, DOWN] } })

const env = () => ({ ...world.env, ...SOAP_SECRETS })

describe('lookup', () => {
  it('prints the result, exit 0, after one call with the id as it stands', async () => {
    const { code, stdout, stderr } = await run(['lookup', ' 007 '], env())
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const result = JSON.parse(stdout)
    expect(result).toMatchObject({
      version: 1,
      connectionId: ' 007 ',
      status: 'enriched',
      chatRequest: { idRequest: expect.any(Number) },
      failure: null,
      calls: 1,
      source: 'service',
    })
    expect(stdout.split('\n').length).toBeGreaterThan(10)
    expect(world.standIn.requests.all().map(({ id }) => id)).toEqual([' 007 '])
  })

  it('--json prints it on one line', async () => {
    const { stdout } = await run(['lookup', '1', '--json'], env())
    expect(stdout.match(/\n/g)).toHaveLength(1)
    expect(JSON.parse(stdout).status).toBe('enriched')
  })

  it('of somebody the service does not know exits 3', async () => {
    const { code, stdout } = await run(['lookup', 'nobody'], env())
    expect({ code, status: JSON.parse(stdout).status }).toEqual({ code: 3, status: 'not-found' })
  })

  it.each([
    ['faulty', 'rejected', 'Client'],
    ['down', 'failed', 'Server'],
  ])(
    'of an id that gets a fault (%s) prints the failure, not the text of the service, and exits 1',
    async (id, status, fault) => {
      const { code, stdout } = await run(['lookup', id], env())
      expect(code).toBe(1)
      expect(JSON.parse(stdout)).toMatchObject({
        status,
        failure: { code: 'soap-fault', soapFaultCode: fault },
        calls: 1,
      })
      expect(stdout).not.toContain('the text of the service')
      expect(world.standIn.requests.all()).toHaveLength(1)
    },
  )

  it('of a service that cannot be reached prints the failure, exit 1, and no secret', async () => {
    const { code, stdout, stderr } = await run(['lookup', '1'], {
      ...env(),
      SOAP_ENDPOINT: 'http://127.0.0.1:1/x.asmx',
    })
    expect(code).toBe(1)
    expect(JSON.parse(stdout)).toMatchObject({ status: 'failed', failure: { code: 'network' } })
    expect(stdout + stderr).not.toContain('canary')
  })

  it('works while Redis is away, with a warning', async () => {
    const { code, stdout, stderr } = await run(['lookup', '1'], { ...env(), REDIS_URL: 'redis://:canary@127.0.0.1:1' })
    expect(code).toBe(0)
    expect(JSON.parse(stdout).status).toBe('enriched')
    expect(stderr).toBe('warning: no Redis (ECONNREFUSED), so this call is made outside of the limits of the fleet\n')
  })

  it('keeps to the pace of the fleet: it takes its turn', async () => {
    const slowly = { ...env(), RATE_LIMIT_PER_SECOND: '0.2' }
    await run(['lookup', 'first'], slowly)
    const second = await run(['lookup', 'second'], slowly)
    expect(second.code).toBe(0)
    expect(second.stderr).toBe('waiting for the turn of this call within the limits of the fleet …\n')
    expect(world.standIn.requests.all().map(({ id }) => id)).toEqual(['first', 'second'])
    expect(world.standIn.requests.maxInAnySlidingSecond()).toBe(1)
  })

  it('that waits for its turn ends at Ctrl-C without a call', async () => {
    const slowly = { ...env(), RATE_LIMIT_PER_SECOND: '0.001' }
    await run(['lookup', '1'], slowly)
    const second = start(['lookup', '2'], slowly)
    await second.says(/waiting for the turn/)
    second.child.kill('SIGINT')
    expect((await second.ended).code).toBe(130)
    expect(world.standIn.requests.all().map(({ id }) => id)).toEqual(['1'])
  })

  it('is the probe of a hold, and does not end it with the very refusal that is held for', async () => {
    world.standIn.set({
      answers: [
        { id: 'refused', result: { response: { responseCode: 5, responseDescription: 'x' }, ChatRequest: null } },
      ],
    })
    const { hold: key } = gateKeys(NAMES, serviceOf(world.standIn.url))
    const now = Date.now()
    const hold = {
      since: now - 9000,
      nextProbeAt: now - 1,
      expiresAt: now + 600_000,
      probes: 0,
      why: 'x',
      kind: 'code:5',
    }
    await world.redis.hset(key, 'configuration', JSON.stringify(hold))
    await run(['lookup', 'refused'], { ...env(), SOAP_NOT_FOUND_CODES: '1' })
    const held = JSON.parse((await world.redis.hget(key, 'configuration')) ?? 'null')
    expect(held).toMatchObject({ probes: 1 })
    await world.redis.hset(key, 'configuration', JSON.stringify({ ...held, nextProbeAt: now - 1 }))
    expect(await run(['lookup', '007'], env())).toMatchObject({ code: 0 })
    expect(await world.redis.hexists(key, 'configuration')).toBe(0)
  })

  // Fails without: src/app/one-call.ts: codes.accept() (rejected)
  it('of an id whose code was accepted says what the fleet says: not found', async () => {
    const refused = { response: { responseCode: 5, responseDescription: 'x' }, ChatRequest: null }
    world.standIn.set({ answers: [{ id: 'refused', result: refused }] })
    const listed = { ...env(), SOAP_NOT_FOUND_CODES: '1' }
    const before = await run(['lookup', 'refused'], listed)
    expect({ code: before.code, status: JSON.parse(before.stdout).status }).toEqual({ code: 1, status: 'rejected' })
    await run(['release', '--accept-code', '5'], env())
    const after = await run(['lookup', 'refused'], listed)
    expect({ code: after.code, status: JSON.parse(after.stdout).status }).toEqual({ code: 3, status: 'not-found' })
  })

  it('does not touch the queues', async () => {
    await run(['lookup', '1'], env())
    const keys = await world.redis.keys('*')
    expect(keys.filter((key) => !key.startsWith('bull:chat-enricher:'))).toEqual([])
  })
})

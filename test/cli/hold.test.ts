import { describe, expect, it } from 'vitest'
import * as z from 'zod/mini'
import type { ByHandSet } from '../../src/fleet/by-hand.ts'
import type { PaceSet } from '../../src/fleet/fleet-control.ts'
import { finishedCount, stateOf } from '../support/finished.ts'
import { run } from '../support/in-process.ts'
import { SOAP_SECRETS, startWorker } from '../support/processes.ts'
import { useWorld } from '../support/use-world.ts'
import { NAMES, until } from '../support/world.ts'
import { statusSchema } from './schemas.ts'
import { parseLines, start } from './started.ts'

const world = useWorld()

const env = () => ({ ...world.env, ...SOAP_SECRETS })

interface Held {
  holds: { reason: string; why: string; since: number; expiresAt: number; nextProbeAt: number | null; cure: string }[]
  pace: PaceSet | null
  byHand: ByHandSet[]
}

async function status(): Promise<Held> {
  const told: unknown = JSON.parse((await run(['status', '--json'], world.env)).stdout)
  return z.parse(statusSchema, told) as Held
}

async function heldFor(reason: string): Promise<void> {
  await until(`it is held for ${reason}`, async () => (await status()).holds.some((hold) => hold.reason === reason))
}

describe('hold', () => {
  it('stops the calls of a fleet that runs, and release starts them again', async () => {
    await startWorker(world.env)
    const held = await run(['hold', '--for', '2h', '--reason', 'maintenance of the service'], world.env)
    expect(held).toEqual({ code: 0, stdout: 'held for 2h; chat-enricher release ends it\n', stderr: '' })
    const queue = world.queue(NAMES.lookupQueue)
    const { id = '' } = await queue.add('lookup', { connectionId: '1' })
    const shown = (await run(['status'], world.env)).stdout
    expect(shown.split('\n')[0]).toMatch(
      /^HELD \d+ s, manual: maintenance of the service\. Do: chat-enricher release, when it is over\. Ends by itself in 120 min\.$/,
    )
    await until('the lookup waits', async () => (await queue.getJobState(id)) === 'waiting')
    expect(world.standIn.requests.all()).toEqual([])
    expect(await run(['release'], world.env)).toEqual({ code: 0, stdout: 'released (manual)\n', stderr: '' })
    await until('the lookup has its result', async () => (await stateOf(world.redis, id)) === 'completed')
  })

  it('again sets the time anew and keeps the reason, or takes another', async () => {
    await run(['hold', '--for', '2h', '--reason', 'maintenance'], world.env)
    const [before] = (await status()).holds
    const again = await run(['hold', '--for', '30m'], world.env)
    expect(again.stdout).toBe('held by hand already, now for 30m; chat-enricher release ends it\n')
    const [after] = (await status()).holds
    expect(after).toMatchObject({ why: 'maintenance', since: before?.since })
    expect(after?.expiresAt).toBeLessThan(before?.expiresAt ?? 0)
    await run(['hold', '--reason', 'it takes longer'], world.env)
    expect((await status()).holds[0]?.why).toBe('it takes longer')
  })

  it('without anything is by hand, for a day', async () => {
    expect((await run(['hold'], world.env)).stdout).toBe('held for 1d; chat-enricher release ends it\n')
    const [hold] = (await status()).holds
    expect(hold).toMatchObject({ why: 'by hand', nextProbeAt: null, cure: 'chat-enricher release, when it is over' })
    expect((hold?.expiresAt ?? 0) - (hold?.since ?? 0)).toBe(86_400_000)
  })

  it('ends by itself when its time is over', async () => {
    await run(['hold', '--for', '50ms'], world.env)
    await until('it is over', async () => (await status()).holds.length === 0)
    expect((await run(['release'], world.env)).stdout).toBe('nothing was held\n')
  })

  it.each([
    [['--for', '0s'], 'error: --for: expected a duration of up to 366d, as 30m, 6h or 1d, got "0s"'],
    [['--for', '367d'], 'error: --for: expected a duration of up to 366d, as 30m, 6h or 1d, got "367d"'],
    [['--for', 'soon'], 'error: --for: expected a duration of up to 366d, as 30m, 6h or 1d, got "soon"'],
    [['--reason', ' '], 'error: --reason: expected one line of 1 to 200 characters, got none'],
    [['--reason', 'a\nb'], 'error: --reason: expected one line of 1 to 200 characters, got a control character'],
    [['--reason', 'x'.repeat(201)], 'error: --reason: expected one line of 1 to 200 characters, got 201'],
    [['now'], "error: too many arguments for 'hold'. Expected 0 arguments but got 1 (chat-enricher hold --help shows"],
  ])('with %j says what is wrong, exit 2, and holds nothing', async (args, says) => {
    const { code, stdout, stderr } = await run(['hold', ...args], world.env)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain(says)
    expect((await status()).holds).toEqual([])
  })

  it('without a Redis says where it looked, exit 1; with a wrong address exit 78', async () => {
    const away = await run(['hold'], { ...world.env, REDIS_URL: 'redis://127.0.0.1:1' })
    expect(away.code).toBe(1)
    expect(away.stderr).toContain('REDIS_URL: expected a Redis that answers at 127.0.0.1:1, got ECONNREFUSED')
    expect((await run(['hold'], { ...world.env, REDIS_URL: 'http://x' })).code).toBe(78)
  })
})

describe('which fleet is meant', () => {
  it('need not be said where all workers have called one service', async () => {
    const { SOAP_ENDPOINT: _none, ...without } = world.env
    const nobody = await run(['hold'], without)
    expect(nobody).toEqual({
      code: 2,
      stdout: '',
      stderr: 'error: SOAP_ENDPOINT: expected it, or a worker that has run here, got neither\n',
    })
    await startWorker(world.env)
    expect((await run(['hold'], without)).code).toBe(0)
    expect((await status()).holds).toHaveLength(1)
  })

  it('is asked for where they have called several, and status says that it shows no holds', async () => {
    await startWorker(world.env)
    await startWorker({ ...world.env, SOAP_ENDPOINT: 'http://127.0.0.1:1/other.asmx' })
    const { SOAP_ENDPOINT: _none, ...without } = world.env
    const released = await run(['release'], without)
    expect(released.code).toBe(2)
    expect(released.stderr).toMatch(
      /^error: SOAP_ENDPOINT: it is missing, and workers have called several services here \(.*127\.0\.0\.1:1.*\): name one of them\n$/,
    )
    const shown = await run(['status'], without)
    expect(shown.code).toBe(0)
    expect(shown.stderr).toContain('holds and limits are not shown: SOAP_ENDPOINT: it is missing')
  })

  it('refuses an address that no worker was ever set to: a slip must not hold a fleet that there is not', async () => {
    await startWorker(world.env)
    const slip = { ...world.env, SOAP_ENDPOINT: `${world.env.SOAP_ENDPOINT}x` }
    const { code, stderr } = await run(['hold'], slip)
    expect(code).toBe(2)
    expect(stderr).toMatch(
      /^error: SOAP_ENDPOINT: expected the address that workers have called here \(127\.0\.0\.1:\d+\), got/,
    )
    expect((await status()).holds).toEqual([])
    expect((await run(['status'], slip)).stderr).toContain(
      'holds and limits are not shown: SOAP_ENDPOINT: expected the address',
    )
  })
})

describe('release', () => {
  it('--accept-code ends a hold for that code, and lets it through as not found', async () => {
    world.standIn.set({ faultRate: 1, faults: ['denied'] })
    await startWorker({ ...world.env, HOLD_MIN_MS: '600000', HOLD_MAX_MS: '600000' })
    const queue = world.queue(NAMES.lookupQueue)
    const data = Array.from({ length: 30 }, (_, index) => ({ name: 'lookup', data: { connectionId: `c${index}` } }))
    await queue.addBulk(data)
    await heldFor('configuration')
    const shown = (await run(['status'], world.env)).stdout
    expect(shown).toMatch(
      /^HELD \d+ s, configuration: 20 of the last 20 answers were responseCode 9 \("Invalid credentials"\); 19 lookups have it/,
    )
    expect(shown).toContain('if responseCode 9 is right: chat-enricher release --accept-code 9')
    const released = await run(['release', '--accept-code', '9'], world.env)
    expect(released.stdout).toBe('released (configuration); responseCode 9 is accepted from now on\n')
    await until('all have their result', async () => (await finishedCount(world.redis)) === data.length)
    expect((await status()).byHand).toMatchObject([
      { what: 'accept-code', which: '9', who: expect.stringContaining('@'), since: expect.any(Number), cure: null },
    ])
    const results = await world.queue(NAMES.resultQueue).getWaiting()
    expect(new Set(results.map(({ name }) => name))).toEqual(new Set(['not-found']))
    expect((await status()).holds).toEqual([])
  })

  it('--pace goes on at that part of the pace until it is released in full, and says so everywhere', async () => {
    const { url } = await startWorker({ ...world.env, RATE_LIMIT_PER_SECOND: '20' })
    await run(['hold'], world.env)
    const slow = await run(['release', '--pace', '0.25'], world.env)
    expect(slow.stdout).toBe('released (manual); at 0.25 of its pace until chat-enricher release\n')
    const { pace, byHand } = await status()
    expect(pace).toMatchObject({ share: 0.25, who: expect.stringContaining('@') })
    expect(byHand).toMatchObject([{ what: 'pace', which: '0.25', who: pace?.who, cure: 'chat-enricher release' }])
    expect((await run(['status'], world.env)).stdout).toMatch(
      /^by hand: 0\.25 of the pace, by .+@.+, since .* UTC; chat-enricher release ends it$/m,
    )
    expect((await run(['limit'], world.env)).stdout).toMatch(
      /│ pace +│ 0\.25 of the rate +│ chat-enricher release --pace/,
    )
    const metric = async () => (await fetch(`${url}/metrics`)).text()
    await until('metrics say so', async () => /^chat_enricher_rate_limit_per_second 5$/m.test(await metric()))
    const full = await run(['release', '--pace', '1'], world.env)
    expect(full.stdout).toBe('nothing was held; at its full pace again, which was 0.25 of it\n')
    expect(await status()).toMatchObject({ pace: null, byHand: [] })
    await until('metrics say so', async () => /^chat_enricher_rate_limit_per_second 20$/m.test(await metric()))
    const { stdout } = await run(['activity', '--json'], world.env)
    expect(parseLines(stdout)).toMatchObject([
      { action: 'release', arguments: { pace: 1 }, count: 0 },
      { action: 'release', arguments: { holds: ['manual'], pace: 0.25 }, count: 1 },
      { action: 'hold' },
    ])
  })

  it('--pace is refused where nothing limits the pace, and ends no hold', async () => {
    await startWorker({ ...world.env, RATE_LIMIT_PER_SECOND: 'none' })
    await run(['hold'], world.env)
    const refused = await run(['release', '--pace', '0.5'], world.env)
    expect(refused.code).toBe(1)
    expect(refused.stderr).toContain('--pace: expected a fleet with a limit of calls a second, got one without')
    expect((await status()).holds).toHaveLength(1)
    await run(['limit', '--rate', '10'], world.env)
    expect((await run(['release', '--pace', '0.5'], world.env)).code).toBe(0)
  })

  it.each(['0', '1.1', '0.0001', 'x', ''])('--pace %j is refused, exit 2', async (pace) => {
    const refused = await run(['release', '--pace', pace], world.env)
    expect(refused.code).toBe(2)
    expect(refused.stderr).toContain('expected a number from 0.001 to 1')
  })

  it.each(['x', '1.5', '2147483648', ''])('--accept-code %j is refused, exit 2', async (code) => {
    const refused = await run(['release', '--accept-code', code], world.env)
    expect(refused.code).toBe(2)
    expect(refused.stderr).toContain('expected a whole number from -2147483648 to 2147483647')
  })
})

describe('lookup while the fleet holds', () => {
  it('waits, says why, and calls when it is released', async () => {
    await run(['hold', '--reason', 'maintenance'], world.env)
    const lookup = start(['lookup', '1'], env())
    await lookup.says(
      /^HELD \d+ s, manual: maintenance\. .*\nthe fleet is held; this call is made when the hold is over/m,
    )
    expect(world.standIn.requests.all()).toEqual([])
    await run(['release'], world.env)
    expect((await lookup.ended).code).toBe(0)
    expect(JSON.parse(lookup.stdout()).status).toBe('enriched')
  })

  it('ends at Ctrl-C without a call, and leaves the hold', async () => {
    await run(['hold'], world.env)
    const lookup = start(['lookup', '1'], env())
    await lookup.says(/this call is made/)
    lookup.child.kill('SIGINT')
    expect((await lookup.ended).code).toBe(130)
    expect(world.standIn.requests.all()).toEqual([])
    expect((await status()).holds).toHaveLength(1)
  })

  it('is the probe of one for the configuration, and ends it when it is answered', async () => {
    world.standIn.set({ faultRate: 1, faults: ['401'] })
    expect((await run(['lookup', '1'], env())).code).toBe(1)
    await heldFor('configuration')
    world.standIn.set({ faultRate: 0, faults: ['503'] })
    expect(await run(['lookup', '1'], env())).toMatchObject({ code: 0 })
    expect((await status()).holds).toEqual([])
  })
})

import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { type Answer, CHAT } from '../support/scripted-service.ts'
import { costsNothing, PATIENT, UNFORGIVING } from './outage.ts'
import { type Link, startProxy } from './proxy.ts'
import { socketsTo, startRelay } from './relay.ts'
import { type Rig, startRig, until } from './rig.ts'
import { drip, FRAMINGS, HEAD } from './wire.ts'

let rig: Rig

const timeouts = () => rig.metric('soap_call_duration_seconds_count', 'outcome="timeout"')

// Fails without: src/soap/transport.ts: endForGood (the first two: connections that nobody needs stay open).
describe('a service that says nothing more', () => {
  beforeAll(async () => {
    rig = await startRig({ env: UNFORGIVING })
  })
  afterAll(() => rig.close())

  it.each<[string, Answer]>([
    ['once it has the call', { say: 'hang' }],
    [
      'in the middle of its headers, but a byte now and then',
      { say: 'wire', write: (socket) => drip(socket, HEAD, `X-Server: ${'x'.repeat(10_000)}`) },
    ],
    [
      'in the middle of its answer, but a byte now and then',
      {
        say: 'wire',
        write: (socket, chat) => {
          const whole = FRAMINGS.length(chat).toString()
          drip(socket, whole.slice(0, -900), whole.slice(-900))
        },
      },
    ],
  ])('%s: calls are cut at their deadline, their connections are gone, no lookup pays', async (_name, answer) => {
    const before = await timeouts()
    await costsNothing(rig, {
      begin: () => {
        rig.service.script = () => answer
      },
      meanwhile: async () => {
        await expect.poll(timeouts, PATIENT).toBeGreaterThan(before)
        await until('no connection is open', () => rig.service.open === 0)
      },
      end: () => {
        rig.service.script = () => CHAT
      },
    })
  })
})

describe('a host that has vanished', () => {
  afterEach(() => rig.close())

  // Fails without: src/soap/transport.ts: the timeout of buildConnector.
  it('takes no connection: connecting is given up in time, no socket is left, no lookup pays', async () => {
    rig = await startRig({ workers: 0 })
    const { port, url, freeze, thaw, close } = await startRelay(rig.service.url)
    onTestFinished(close)
    const { pid } = await rig.startWorker({ ...UNFORGIVING, SOAP_ENDPOINT: url })
    await costsNothing(rig, {
      begin: freeze,
      meanwhile: () => until('no socket is left', () => socketsTo(port, pid) === 0),
      end: thaw,
    })
    const connects = () => rig.metric('lookup_retries_total', 'reason="connect"')
    await expect.poll(connects, PATIENT).toBeGreaterThan(0)
  })

  // Fails without: src/worker/verdict.ts: quick.
  it('leaves connections that cost each lookup at most quick retries, and are dropped', async () => {
    rig = await startRig({ workers: 0 })
    const dead = new Set<Link>()
    let vanishing = true
    const between = await startProxy({ port: Number(new URL(rig.service.url).port) })
    onTestFinished(() => between.close())
    between.watch = (_text, direction, link) => {
      if (direction !== 'to-server' || !vanishing) return
      dead.add(link)
      link.lose('to-client')
    }
    const url = rig.service.url.replace(/:\d+/, `:${between.port}`)
    await rig.startWorker({ ...UNFORGIVING, SOAP_CALL_TIMEOUT_MS: '3000', SOAP_ENDPOINT: url })
    await rig.enqueue(15)
    await until('all have been asked for', () => rig.service.calls.length >= 15)
    vanishing = false
    const { lost, duplicates, notEnriched } = await rig.auditor.complete()
    expect({ lost, duplicates, notEnriched }).toEqual({ lost: [], duplicates: [], notEnriched: [] })
    await expect.poll(timeouts, PATIENT).toBeGreaterThanOrEqual(15)
    expect(rig.auditor.results.every(({ attempts }) => attempts === 1)).toBe(true)
    await until('no connection is open', () => rig.service.open === 0)
  })
})

import { afterEach, describe, expect, it } from 'vitest'
import { type Answer, CHAT } from '../support/scripted-service.ts'
import { costsNothing, UNFORGIVING } from './outage.ts'
import { type Link, startProxy, type TcpProxy } from './proxy.ts'
import { type Relay, socketsTo, startRelay } from './relay.ts'
import { type Rig, startRig, until } from './rig.ts'
import { drip, FRAMINGS, HEAD } from './wire.ts'

let rig: Rig
let relay: Relay | undefined
let proxy: TcpProxy | undefined
afterEach(async () => {
  await rig.close()
  relay?.close()
  await proxy?.close()
})

const timeouts = () => rig.metric('soap_call_duration_seconds_count', 'outcome="timeout"')

describe('a service that says nothing more', () => {
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
    rig = await startRig({ env: UNFORGIVING })
    await costsNothing(rig, {
      begin: () => {
        rig.service.script = () => answer
      },
      meanwhile: async () => {
        expect(await timeouts()).toBeGreaterThanOrEqual(20)
        await until('no connection is open', () => rig.service.open === 0)
      },
      end: () => {
        rig.service.script = () => CHAT
      },
    })
  })

  it('and takes no connection: connecting is given up in time, no socket is left, no lookup pays', async () => {
    rig = await startRig({ workers: 0 })
    relay = await startRelay(rig.service.url)
    const { port, url, freeze, thaw } = relay
    const { pid } = await rig.startWorker({ ...UNFORGIVING, SOAP_ENDPOINT: url })
    await costsNothing(rig, {
      begin: freeze,
      meanwhile: () => until('no socket is left', () => socketsTo(port, pid) === 0),
      end: thaw,
    })
    expect(await rig.metric('lookup_retries_total', 'reason="connect"')).toBeGreaterThan(0)
  })
})

describe('connections whose other end has vanished', () => {
  it('cost each lookup at most quick retries, and are dropped', async () => {
    rig = await startRig({ workers: 0 })
    const dead = new Set<Link>()
    let vanishing = true
    const between = await startProxy({ port: Number(new URL(rig.service.url).port) })
    between.watch = (_text, direction, link) => {
      if (direction !== 'to-server' || !vanishing) return
      dead.add(link)
      link.lose('to-client')
    }
    proxy = between
    const url = rig.service.url.replace(/:\d+/, `:${between.port}`)
    await rig.startWorker({ ...UNFORGIVING, SOAP_CALL_TIMEOUT_MS: '3000', SOAP_ENDPOINT: url })
    await rig.enqueue(15)
    await until('all have been asked for', () => rig.service.calls.length >= 15)
    vanishing = false
    const { lost, duplicates, notEnriched } = await rig.auditor.complete()
    expect({ lost, duplicates, notEnriched }).toEqual({ lost: [], duplicates: [], notEnriched: [] })
    expect(await timeouts()).toBeGreaterThanOrEqual(15)
    expect(rig.auditor.results.every(({ attempts }) => attempts === 1)).toBe(true)
    await until('no connection is open', () => rig.service.open === 0)
  })
})

import type { Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { clientFor, failureOf } from '../recordings/serve.ts'
import { CHAT, type ScriptedService, startScriptedService } from '../support/scripted-service.ts'
import { PATIENT, UNFORGIVING } from './outage.ts'
import { type Rig, startRig } from './rig.ts'
import { FRAMINGS } from './wire.ts'

type Framing = keyof typeof FRAMINGS
const ALL = Object.keys(FRAMINGS) as Framing[]

let rig: Rig

const NOTHING_WRONG = { lost: [], duplicates: [], notEnriched: [] }

// Fails without: src/worker/verdict.ts: quick.
describe('a connection that the service closes instead of a second answer', () => {
  beforeAll(async () => {
    // Every second call fails: that is not to be taken for the service's failing.
    const env = { ...UNFORGIVING, CONCURRENCY: '1', BREAKER_MIN_CALLS: '1000' }
    rig = await startRig({ workers: 1, env })
  })
  afterAll(() => rig.close())

  it.each<[string, (socket: Socket) => void]>([
    ['FIN', (socket) => socket.end()],
    ['RST', (socket) => socket.resetAndDestroy()],
  ])(
    'by %s, costs each lookup one quick retry and nobody an attempt, and is not worth a word',
    async (_name, close) => {
      let closed = 0
      const callsBefore = rig.service.calls.length
      const resets = () => rig.metric('lookup_retries_total', 'reason="reset"')
      const resetsBefore = await resets()
      const write = (socket: Socket, chat: string) => {
        if (socket.bytesWritten === 0) return socket.write(FRAMINGS.length(chat))
        closed++
        return close(socket)
      }
      rig.service.script = () => ({ say: 'wire', write })
      const before = rig.log().length
      await rig.enqueue(8)
      expect(await rig.auditor.complete()).toMatchObject(NOTHING_WRONG)
      expect(closed).toBeGreaterThan(0)
      await expect.poll(resets, PATIENT).toBe(resetsBefore + closed)
      expect(rig.service.calls).toHaveLength(callsBefore + 8 + closed)
      expect(rig.auditor.results.every(({ attempts }) => attempts === 1)).toBe(true)
      expect(rig.log().slice(before)).toEqual([])
    },
  )
})

describe('an answer cut off', () => {
  /** What a whole response to such a call is. */
  async function wholeResponse(service: ScriptedService, framing: Framing): Promise<Buffer> {
    let whole: Buffer = Buffer.alloc(0)
    service.script = () => ({
      say: 'wire',
      write: (socket, chat) => {
        whole = FRAMINGS[framing](chat)
        socket.end(whole)
      },
    })
    const { client } = clientFor(service.url)
    expect(await client.lookup('00000')).toMatchObject({ status: 'enriched', chatRequest: { userName: '00000' } })
    return whole
  }

  // Fails without: src/soap/xml.ts: the end of the root; and src/soap/transport.ts: `cut-off`.
  it.each(ALL)('at any byte, where its end is told by %s, is no answer, and asked for again', async (framing) => {
    const service = await startScriptedService({ latencyMs: 0 })
    onTestFinished(() => service.close())
    const whole = await wholeResponse(service, framing)
    service.script = ({ id }) => ({ say: 'wire', write: (socket) => socket.end(whole.subarray(0, Number(id))) })
    const { client } = clientFor(service.url, { maxSockets: 8 })
    const cuts = Array.from({ length: whole.length }, (_, at) => String(at).padStart(5, '0'))
    const headers = whole.indexOf('\r\n\r\n') + 4
    const cutOff = async (at: string) => {
      const { failure } = await failureOf(client.lookup(at))
      expect({ at, class: failure.class }).toEqual({ at, class: 'transient' })
      expect({ at, code: failure.code }).toEqual({ at, code: Number(at) < headers ? 'network' : 'unreadable' })
    }
    while (cuts.length > 0) await Promise.all(cuts.splice(-8).map(cutOff))
  })

  // Fails without: the same.
  it('is asked for again by the workers, and what is published is each lookup’s own', async () => {
    rig = await startRig({ env: UNFORGIVING })
    onTestFinished(() => rig.close())
    await rig.enqueue(1, 'known')
    await rig.auditor.complete()
    const asked = new Set<string>()
    rig.service.script = ({ id }, number) => {
      if (asked.has(id) || id.startsWith('known')) return CHAT
      asked.add(id)
      const framing = FRAMINGS[ALL[number % ALL.length] ?? 'length']
      return {
        say: 'wire',
        write: (socket, chat) => {
          const whole = framing(chat)
          socket.end(whole.subarray(0, Math.floor(((number % 60) / 60) * whole.length)))
        },
      }
    }
    await rig.enqueue(120)
    expect(await rig.auditor.complete()).toMatchObject(NOTHING_WRONG)
    expect(asked.size).toBe(120)
    expect(rig.auditor.results.filter((result) => result.chatRequest?.userName !== result.connectionId)).toEqual([])
    const unreadable = () => rig.metric('lookup_retries_total', 'reason="unreadable"')
    await expect.poll(unreadable, PATIENT).toBeGreaterThan(0)
  })
})

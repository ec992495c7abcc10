import { describe, expect, it } from 'vitest'
import { type Signal, sleep } from '../clock.ts'
import type { CallEnd, FailedCall, Outcome } from '../domain/call-end.ts'
import type { Failure, FailureClass } from '../domain/failure.ts'
import { type LookupHistory, NO_HISTORY } from '../domain/history.ts'
import { type CallReport, Held } from '../domain/hold.ts'
import { type PermitRequest, RetryRefused } from '../gate/gate.ts'
import type { CallGate, LookupClient } from './attempt.ts'
import { Enricher } from './enrich.ts'

const FOUND = { outcome: { status: 'enriched', response: null, chatRequest: null } } satisfies { outcome: Outcome }
const LOOKUP = { lookupId: 'lk-1', connectionId: '12345', enqueuedAt: 1, askedAt: 1 }
const SETTINGS = { callRetries: 2, lookupBackoffMinMs: 10, lookupBackoffMaxMs: 20, lookupDeadlineMs: 5000 }

function failed(of: FailureClass, more: Partial<Failure> = {}): FailedCall {
  return { failure: { code: 'http-status', class: of, reason: 'http_status', message: of, ...more }, record: null }
}

/** A gate that lets everybody pass, and remembers. */
function openGate(reply: Awaited<ReturnType<CallGate['report']>> = null) {
  const gate = {
    granted: 0,
    out: 0,
    mostOut: 0,
    requests: [] as PermitRequest[],
    reports: [] as CallReport[],
    permit,
    report,
  }
  async function permit(request: PermitRequest, signal: Signal) {
    signal.throwIfAborted()
    gate.requests.push(request)
    gate.granted++
    gate.out++
    gate.mostOut = Math.max(gate.mostOut, gate.out)
    return { release: () => void gate.out-- }
  }
  async function report(of: CallReport) {
    gate.reports.push(of)
    return reply
  }
  return gate
}

/** Answers with these in turn, the last of them again and again. */
function service(...answers: (CallEnd | Error)[]) {
  const asked: string[] = []
  const call = async (connectionId: string) => {
    const answer = answers[Math.min(asked.length, answers.length - 1)] as CallEnd | Error
    asked.push(connectionId)
    if (answer instanceof Error) throw answer
    return answer
  }
  return { asked, call }
}

function untilAborted(signal: Signal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
}

/** Never answers; gives up when it is told to. */
const silent: LookupClient = { call: (_, signal) => untilAborted(signal) }

interface Given {
  client: LookupClient
  gate?: CallGate
  settings?: Partial<typeof SETTINGS>
  history?: Partial<LookupHistory>
  signal?: Signal
}

async function attempt({ client, gate = openGate(), settings, history, signal = new AbortController().signal }: Given) {
  const enricher = new Enricher(
    { client, gate, codes: { isKnown: () => false } },
    null,
    { ...SETTINGS, ...settings },
    () => {},
  )
  const begun = enricher.begin({ lane: 'batch', probe: null }, signal)
  try {
    return await enricher.run(begun, LOOKUP, { ...NO_HISTORY, ...history })
  } finally {
    begun.close()
  }
}

describe('an attempt', () => {
  it('that is answered at once makes one call, with one permit, which it gives back', async () => {
    const gate = openGate()
    const client = service(FOUND)
    expect(await attempt({ client, gate })).toEqual({ type: 'answered', ...FOUND, source: 'service', calls: 1 })
    expect(client.asked).toEqual(['12345'])
    expect(gate).toMatchObject({ granted: 1, out: 0 })
  })

  it('takes a permit for every quick retry, never two at a time, and gives all of them back', async () => {
    const gate = openGate()
    const client = service(failed('transient'), failed('transient'), FOUND)
    expect(await attempt({ client, gate })).toMatchObject({ type: 'answered', calls: 3 })
    expect(gate).toMatchObject({ granted: 3, out: 0, mostOut: 1 })
  })

  it('goes back after CALL_RETRIES quick retries, with the failure, and may be charged', async () => {
    const gate = openGate()
    const end = await attempt({ client: service(failed('transient', { message: 'the last' })), gate })
    expect(end).toMatchObject({ type: 'retry-later', mayBeCharged: true, retriedOnce: false, calls: 3 })
    expect(end).toMatchObject({ failure: { message: 'the last' } })
    expect(gate).toMatchObject({ granted: 3, out: 0 })
  })

  it('with CALL_RETRIES 0 makes one call', async () => {
    const end = await attempt({ client: service(failed('transient')), settings: { callRetries: 0 } })
    expect(end).toMatchObject({ type: 'retry-later', mayBeCharged: true, calls: 1 })
  })

  it('gives up at once what is permanent, with what the service did say', async () => {
    const record = { response: { code: 7, description: 'no', encryptedSymmetricKey: null }, chatRequest: null }
    const client = service({ ...failed('permanent'), record })
    expect(await attempt({ client })).toMatchObject({ type: 'give-up', status: 'rejected', record, calls: 1 })
  })

  it('asks once more where once more is worth it, and then gives up', async () => {
    const client = service(failed('permanent-after-retry'))
    expect(await attempt({ client })).toMatchObject({ type: 'give-up', status: 'failed', calls: 2 })
  })

  it('remembers over attempts that it has asked once more', async () => {
    const client = service(failed('permanent-after-retry'))
    const first = await attempt({ client, settings: { callRetries: 0 } })
    expect(first).toMatchObject({ type: 'retry-later', retriedOnce: true, mayBeCharged: false, calls: 1 })
    const second = await attempt({ client, settings: { callRetries: 0 }, history: { retriedOnce: true } })
    expect(second).toMatchObject({ type: 'give-up', status: 'failed', calls: 1 })
  })

  it('is not charged for a failure of the configuration, however it came to it', async () => {
    for (const client of [service(failed('configuration')), service(failed('transient'), failed('configuration'))]) {
      expect(await attempt({ client })).toMatchObject({ type: 'hold' })
    }
  })

  it('that is asked to wait goes back at once, and tells the fleet', async () => {
    const gate = openGate()
    const end = await attempt({ client: service(failed('transient', { retryAfterMs: 30_000 })), gate })
    expect(end).toMatchObject({ type: 'retry-later', calls: 1 })
    expect(end).toHaveProperty('delayMs', 30_000)
    expect(gate.reports).toMatchObject([{ answered: false, kind: null, retryAfterMs: 30_000, ofTroubled: false }])
  })

  it('asks for the permits of its retries before those who have not called yet', async () => {
    const gate = openGate()
    await attempt({ client: service(failed('transient'), FOUND), gate })
    expect(gate.requests.map(({ again }) => again)).toEqual([false, true])
  })

  it('whose refusal is what the fleet holds for goes back as held, not as refused', async () => {
    const refused = failed('permanent', { code: 'soap-fault', soapFaultCode: 'Client' })
    for (const isHeldFor of [true, false]) {
      const ended = attempt({ client: service(refused), gate: openGate({ isHeldFor, isOwn: false }) })
      if (isHeldFor) await expect(ended).rejects.toBeInstanceOf(Held)
      else expect(await ended).toMatchObject({ type: 'give-up', status: 'rejected' })
    }
  })

  it('passes on what is no failure of a call, and gives its permit back', async () => {
    const gate = openGate()
    const mistake = new TypeError('a mistake of ours')
    await expect(attempt({ client: service(mistake), gate })).rejects.toBe(mistake)
    expect(gate.out).toBe(0)
  })
})

describe('an attempt whose quick retry the gate refuses', () => {
  /** Lets first calls pass. */
  function firstCallsOnly() {
    const gate = openGate()
    const permit: CallGate['permit'] = async (request, signal) => {
      if (request.again) throw new RetryRefused()
      return gate.permit(request, signal)
    }
    return { permit, report: gate.report }
  }

  it.each(['transient', 'permanent-after-retry'] as const)(
    '(%s) goes back with the failure, uncharged',
    async (kind) => {
      const client = service(failed(kind, { message: 'the first' }))
      const end = await attempt({ client, gate: firstCallsOnly() })
      expect(end).toMatchObject({
        type: 'retry-later',
        mayBeCharged: false,
        failure: { message: 'the first' },
        calls: 1,
      })
      expect(end).toMatchObject({ retriedOnce: kind === 'permanent-after-retry' })
      expect(client.asked).toHaveLength(1)
    },
  )

  it('is not one that has asked for another id first, nor the probe', async () => {
    const gate = openGate()
    const parts = { client: service(FOUND, FOUND, failed('transient'), FOUND), gate, codes: { isKnown: () => false } }
    const enricher = new Enricher(parts, null, SETTINGS, () => {})
    const asksFirst = enricher.begin({ lane: 'batch', probe: null })
    await asksFirst.call('known')
    await enricher.run(asksFirst, LOOKUP, NO_HISTORY)
    const probe = enricher.begin({ lane: 'batch', probe: 'token' })
    await enricher.run(probe, LOOKUP, NO_HISTORY)
    for (const begun of [asksFirst, probe]) begun.close()
    expect(gate.requests.map(({ again }) => again)).toEqual([false, false, false, false])
  })
})

describe("an attempt's time", () => {
  it('is up after LOOKUP_DEADLINE_MS, and the call in flight ends with it', async () => {
    const gate = openGate()
    const end = await attempt({ client: silent, gate, settings: { lookupDeadlineMs: 60 } })
    expect(end).toMatchObject({ type: 'retry-later', mayBeCharged: true, failure: { code: 'timeout' }, calls: 1 })
    expect(gate.out).toBe(0)
  })

  it('runs from its first permit on, not while it waits for that', async () => {
    const gate = openGate()
    const slow: CallGate = {
      permit: async (lane, signal) => {
        await sleep(150, signal)
        return gate.permit(lane, signal)
      },
      report: gate.report,
    }
    expect(await attempt({ client: service(FOUND), gate: slow, settings: { lookupDeadlineMs: 60 } })).toMatchObject({
      type: 'answered',
    })
  })

  it('runs while it waits for the permit of a retry, which it then does without', async () => {
    const gate = openGate()
    const closing: CallGate = {
      permit: (lane, signal) => (gate.granted === 0 ? gate.permit(lane, signal) : untilAborted(signal)),
      report: gate.report,
    }
    const settings = { lookupDeadlineMs: 300 }
    const end = await attempt({ client: service(failed('transient', { message: 'x' })), gate: closing, settings })
    expect(end).toMatchObject({ type: 'retry-later', mayBeCharged: true, failure: { message: 'x' }, calls: 1 })
  })

  it('that is over before it has called, because another id was asked for first and no turn came, is not charged', async () => {
    const gate = openGate()
    const closing: CallGate = {
      permit: (lane, signal) => (gate.granted === 0 ? gate.permit(lane, signal) : untilAborted(signal)),
      report: gate.report,
    }
    const parts = { client: service(FOUND), gate: closing, codes: { isKnown: () => false } }
    const enricher = new Enricher(parts, null, { ...SETTINGS, lookupDeadlineMs: 100 }, () => {})
    const begun = enricher.begin({ lane: 'batch', probe: null }, new AbortController().signal)
    await begun.call('known')
    const end = await enricher.run(begun, LOOKUP, NO_HISTORY)
    expect(end).toMatchObject({ type: 'retry-later', mayBeCharged: false, failure: { code: 'timeout' }, calls: 1 })
  })

  it('that cuts off the one retry leaves the lookup that retry', async () => {
    let calls = 0
    const client: LookupClient = {
      call: (connectionId, signal) => {
        calls++
        if (calls === 1) return Promise.resolve(failed('permanent-after-retry'))
        return silent.call(connectionId, signal)
      },
    }
    const end = await attempt({ client, settings: { lookupDeadlineMs: 300 } })
    expect(end).toMatchObject({ type: 'retry-later', failure: { code: 'timeout' }, calls: 2 })
  })
})

describe('a lookup that is taken away', () => {
  const away = new Error('shutdown')

  it('before it has a permit, passes on why, and has called nobody', async () => {
    const controller = new AbortController()
    const client = service(FOUND)
    const gate: CallGate = {
      permit: (_, signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason))
          controller.abort(away)
        }),
      report: async () => null,
    }
    await expect(attempt({ client, gate, signal: controller.signal })).rejects.toBe(away)
    expect(client.asked).toEqual([])
  })

  it('in the middle of a call, passes on why, and gives its permit back', async () => {
    const controller = new AbortController()
    const gate = openGate()
    const running = attempt({ client: silent, gate, signal: controller.signal })
    setImmediate(() => controller.abort(away))
    await expect(running).rejects.toBe(away)
    expect(gate).toMatchObject({ granted: 1, out: 0 })
  })

  it('while it waits to retry, passes on why', async () => {
    const controller = new AbortController()
    const gate = openGate()
    const client = service(failed('transient'))
    const closing: CallGate = {
      permit: (request, signal) => {
        if (!request.again) return gate.permit(request, signal)
        controller.abort(away)
        return Promise.reject(signal.reason)
      },
      report: gate.report,
    }
    await expect(attempt({ client, gate: closing, signal: controller.signal })).rejects.toBe(away)
    expect(client.asked).toHaveLength(1)
  })
})

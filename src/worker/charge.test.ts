import { describe, expect, it } from 'vitest'
import { NO_HISTORY } from '../domain/history.ts'
import type { ServiceMemory } from '../gate/service-memory.ts'
import type { KnownLookup } from '../queues/lookup-history.ts'
import type { LookupClient } from './attempt.ts'
import { ChargeDecision } from './charge.ts'
import { Enricher } from './enrich.ts'

const SETTINGS = { callRetries: 2, lookupBackoffMinMs: 1, lookupBackoffMaxMs: 1, lookupDeadlineMs: 1000 }
const gate = { permit: async () => ({ release: () => {} }), report: async () => null }

const answering: LookupClient['call'] = async () => ({
  outcome: { status: 'not-found', response: null, chatRequest: null },
})
const failing: LookupClient['call'] = async () => ({
  failure: { code: 'network', class: 'transient', reason: 'connect', message: 'x' },
  record: null,
})

const OWN = 'own'

interface Given {
  failedAt: number | null
  memory?: Partial<ServiceMemory>
  otherId?: string
  call?: LookupClient['call']
  signal?: AbortSignal
}

async function decide({ failedAt, memory, otherId, call = answering, signal }: Given) {
  const asked: string[] = []
  const client: LookupClient = {
    call: (id, abort) => {
      asked.push(id)
      return call(id, abort)
    },
  }
  const enricher = new Enricher({ client, gate, codes: { isKnown: () => false } }, null, SETTINGS, () => {})
  const attempt = enricher.begin({ lane: 'batch', probe: null }, signal ?? new AbortController().signal)
  const known: KnownLookup = { published: null, history: { ...NO_HISTORY }, failedAt }
  const remembered = { read: async () => ({ answeredAt: 0, answered: [], enriched: null, heldUntil: 0, ...memory }) }
  try {
    const charge = await new ChargeDecision(remembered, otherId ?? null).decide(known, OWN, attempt)
    return { charge, asked, calls: attempt.calls }
  } finally {
    attempt.close()
  }
}

describe('whose failure it was', () => {
  it('is not asked of a lookup that has not failed, or whose failure was free', async () => {
    expect(await decide({ failedAt: null, memory: { answeredAt: 5, answered: ['a'] } })).toMatchObject({
      charge: 'free',
      asked: [],
    })
  })

  it("the lookup's, if the service has answered others since, and no other id is asked for", async () => {
    const decided = await decide({ failedAt: 100, memory: { answeredAt: 100.001, answered: ['a'] } })
    expect(decided).toMatchObject({ charge: 'charged', asked: [] })
  })

  it("the lookup's, if nobody asked since and the id answered last is answered again", async () => {
    for (const answeredAt of [50, 100]) {
      const decided = await decide({ failedAt: 100, memory: { answeredAt, answered: ['a'] } })
      expect(decided).toEqual({ charge: 'charged', asked: ['a'], calls: 1 })
    }
  })

  it("the service's, if that id is not answered now", async () => {
    const decided = await decide({ failedAt: 100, memory: { answeredAt: 50, answered: ['a'] }, call: failing })
    expect(decided).toEqual({ charge: 'service-is-down', asked: ['a'], calls: 1 })
  })

  it('is asked with SOAP_PROBE_CONNECTION_ID where that is set', async () => {
    const decided = await decide({ failedAt: 100, memory: { answeredAt: 50, answered: ['a'] }, otherId: 'p' })
    expect(decided).toMatchObject({ charge: 'charged', asked: ['p'] })
    expect(await decide({ failedAt: 100, otherId: 'p' })).toMatchObject({ charge: 'charged', asked: ['p'] })
  })

  it("the service's, if the fleet has held since, or holds, and no other id is asked for", async () => {
    for (const heldUntil of [100, 5000]) {
      const decided = await decide({ failedAt: 100, memory: { answeredAt: 200, answered: ['a'], heldUntil } })
      expect(decided).toMatchObject({ charge: 'free', asked: [] })
    }
  })

  it('is never asked with the id of the lookup itself', async () => {
    const other = await decide({ failedAt: 100, memory: { answeredAt: 50, answered: [OWN, 'b'] } })
    expect(other).toMatchObject({ charge: 'charged', asked: ['b'] })
    const none = await decide({ failedAt: 100, memory: { answeredAt: 50, answered: [OWN] } })
    expect(none).toMatchObject({ charge: 'free', asked: [] })
  })

  it('nobody can tell where no id was ever answered, and nothing is charged', async () => {
    expect(await decide({ failedAt: 100 })).toMatchObject({ charge: 'free', asked: [] })
  })

  it('is not decided when the lookup is taken away in the middle of the call for another id', async () => {
    const controller = new AbortController()
    const away = new Error('shutdown')
    const call: LookupClient['call'] = async () => {
      controller.abort(away)
      throw away
    }
    const deciding = decide({
      failedAt: 100,
      memory: { answeredAt: 50, answered: ['a'] },
      call,
      signal: controller.signal,
    })
    await expect(deciding).rejects.toBe(away)
  })
})

import { describe, expect, it } from 'vitest'
import { LookupFailure } from '../domain/failure.ts'
import { NO_HISTORY } from '../domain/history.ts'
import type { KnownLookup } from '../queues/lookup-history.ts'
import { ChargeDecision } from './charge.ts'
import { Enricher, type LookupClient } from './enrich.ts'

const SETTINGS = { callRetries: 2, lookupBackoffMinMs: 1, lookupBackoffMaxMs: 1, lookupDeadlineMs: 1000 }
const gate = { permit: async () => ({ release: () => {} }), pause: async () => {} }

const answering: LookupClient['lookup'] = async () => ({ status: 'not-found', response: null, chatRequest: null })
const failing: LookupClient['lookup'] = async () => {
  throw new LookupFailure({ code: 'network', class: 'transient', reason: 'connect', message: 'x' })
}

interface Given {
  failedAt: number | null
  last?: { at: number; connectionId: string | null }
  probe?: string
  lookup?: LookupClient['lookup']
  signal?: AbortSignal
}

async function decide({ failedAt, last = { at: 0, connectionId: null }, probe, lookup = answering, signal }: Given) {
  const asked: string[] = []
  const stamped: string[] = []
  const client: LookupClient = {
    lookup: (id, abort) => {
      asked.push(id)
      return lookup(id, abort)
    },
  }
  const attempt = new Enricher(client, gate, SETTINGS, () => {}).begin('batch', signal ?? new AbortController().signal)
  const known: KnownLookup = { published: null, history: { ...NO_HISTORY }, failedAt }
  const answers = { stamp: (id: string) => void stamped.push(id), read: async () => last }
  try {
    const charge = await new ChargeDecision(answers, probe ?? null).decide(known, attempt)
    return { charge, asked, stamped, calls: attempt.calls }
  } finally {
    attempt.close()
  }
}

describe('whose failure it was', () => {
  it('is not asked of a lookup that has not failed, or whose failure was free', async () => {
    expect(await decide({ failedAt: null, last: { at: 5, connectionId: 'a' } })).toMatchObject({
      charge: 'free',
      asked: [],
    })
  })

  it("the lookup's, if the service has answered others since, without a probe", async () => {
    const decided = await decide({ failedAt: 100, last: { at: 100.001, connectionId: 'a' } })
    expect(decided).toMatchObject({ charge: 'charged', asked: [] })
  })

  it("the lookup's, if nobody asked since and the id answered last is answered again", async () => {
    for (const at of [50, 100]) {
      const decided = await decide({ failedAt: 100, last: { at, connectionId: 'a' } })
      expect(decided).toEqual({ charge: 'charged', asked: ['a'], stamped: ['a'], calls: 1 })
    }
  })

  it("the service's, if that id is not answered now", async () => {
    const decided = await decide({ failedAt: 100, last: { at: 50, connectionId: 'a' }, lookup: failing })
    expect(decided).toEqual({ charge: 'service-is-down', asked: ['a'], stamped: [], calls: 1 })
  })

  it('is asked with SOAP_PROBE_CONNECTION_ID where that is set', async () => {
    const decided = await decide({ failedAt: 100, last: { at: 50, connectionId: 'a' }, probe: 'p' })
    expect(decided).toMatchObject({ charge: 'charged', asked: ['p'] })
    expect(await decide({ failedAt: 100, probe: 'p' })).toMatchObject({ charge: 'charged', asked: ['p'] })
  })

  it('nobody can tell where no id was ever answered, and nothing is charged', async () => {
    expect(await decide({ failedAt: 100 })).toMatchObject({ charge: 'free', asked: [] })
  })

  it('is not decided when the lookup is taken away in the middle of the probe', async () => {
    const controller = new AbortController()
    const away = new Error('shutdown')
    const lookup: LookupClient['lookup'] = async () => {
      controller.abort(away)
      throw away
    }
    const deciding = decide({ failedAt: 100, last: { at: 50, connectionId: 'a' }, lookup, signal: controller.signal })
    await expect(deciding).rejects.toBe(away)
  })
})

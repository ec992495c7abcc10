import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Result } from '../../src/domain/result.ts'
import { idle, isShort, type Rig, startRig, until } from './rig.ts'

let rig: Rig
beforeAll(async () => {
  rig = await startRig({ workers: 1, latencyMs: 0 })
})
afterAll(() => rig.close())

const ODD = [
  ...[
    'active',
    'meta',
    '0',
    '123',
    'a:b',
    'a:b:c',
    ':',
    '::',
    '\u0000',
    'a\u0000b',
    '\r\n',
    'a\r\nb',
    '\u2028',
    '__proto__',
  ],
  ...[
    ']]><x/>',
    '&',
    '&amp;',
    '<!--',
    '\'"',
    '%s',
    '$1',
    '../..',
    '{"a":1}',
    '\ufffe',
    '\u202eabc',
    'שלום',
    '👩‍👩‍👧',
    'é',
    'e\u0301',
  ],
  ...[' ', ' a ', 'x'.repeat(100_000), '😀'.repeat(256), '😀'.repeat(257)],
]
const odd = fc.oneof(fc.constantFrom(...ODD), fc.string({ unit: 'binary', maxLength: 300 }), fc.string())

/** A job under one of these is written over what BullMQ itself keeps under that name. */
const BULLMQ_OWN = new Set(
  'active completed de delayed events failed id limiter marker meta metrics paused pc prioritized repeat stalled wait'
    .split(' ')
    .concat('stalled-check', 'waiting-children'),
)

const MAY_BE_ASKED = (id: string) => !/\p{Cc}|[\ufffe\uffff]/u.test(id) && id !== '' && [...id].length <= 256
const ESCAPED = /^(?:[^<&]|&(?:amp|lt|gt|quot|apos|#\d+|#x[\da-fA-F]+);)*$/

function textOf(xml: string): string {
  const named: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }
  return xml.replaceAll(/&(?:#x([\da-fA-F]+)|#(\d+)|(\w+));/g, (_, hex, decimal, name) =>
    name ? (named[name] ?? '') : String.fromCodePoint(hex ? Number.parseInt(hex, 16) : Number(decimal)),
  )
}

/** Adds it, as foreign producers do; null where BullMQ itself refuses the job's id. */
async function add(jobId: string | undefined, data: object): Promise<string | null> {
  try {
    const job = await rig.queue().add('lookup', data, jobId === undefined ? {} : { jobId })
    return job.id ?? null
  } catch {
    return null
  }
}

const used = new Set<string>()
const fresh = (id: string) => id !== '' && !BULLMQ_OWN.has(id) && !used.has(id) && used.add(id)

/** The one result of each of these. */
async function resultsOf(ids: string[]): Promise<Result[]> {
  const results = () => ids.map((id) => rig.auditor.of(id))
  await until('each has a result', () => results().every((of) => of.length > 0), 60_000)
  await idle(rig)
  for (const of of results()) expect(of).toHaveLength(1)
  return results().flat()
}

function expectOneLineEach(): void {
  const lines = rig.workers.flatMap((worker) => worker.log().split('\n')).filter((line) => line !== '')
  for (const line of lines) expect(() => JSON.parse(line)).not.toThrow()
}

const runs = { numRuns: isShort ? 8 : 40, examples: [[ODD] as [string[]]], endOnFailure: true }
const many = fc.array(odd, { minLength: 1, maxLength: 30 })

describe('ids that nobody thought of', () => {
  // Fails without: src/soap/request.ts: the escaping of the connection id
  it('as connection ids are asked for as they are, or refused, and no neighbour is harmed', async () => {
    await fc.assert(
      fc.asyncProperty(many, async (connectionIds) => {
        const before = rig.service.calls.length
        const ids = await Promise.all(connectionIds.map((connectionId) => add(undefined, { connectionId })))
        const results = await resultsOf(ids as string[])
        const wanted = connectionIds.map((id) => (MAY_BE_ASKED(id) ? 'enriched' : 'invalid'))
        expect(results.map(({ status }) => status)).toEqual(wanted)
        for (const [index, { status, connectionId }] of results.entries())
          if (status === 'enriched') expect(connectionId).toBe(connectionIds[index])
        const seen = rig.service.calls.slice(before).map(({ id }) => id)
        for (const xml of seen) expect(xml).toMatch(ESCAPED)
        expect(new Set(seen.map(textOf))).toEqual(new Set(connectionIds.filter(MAY_BE_ASKED)))
        expectOneLineEach()
      }),
      runs,
    )
  })

  // Fails without: src/domain/lookup.ts: the length of the correlation id
  it('as correlation ids come back as they were, or are refused', async () => {
    await fc.assert(
      fc.asyncProperty(many, async (correlationIds) => {
        const added = correlationIds.map((correlationId) => add(undefined, { connectionId: 'c', correlationId }))
        const results = await resultsOf((await Promise.all(added)) as string[])
        for (const [index, correlationId] of correlationIds.entries()) {
          const isLong = [...correlationId].length > 256
          expect(results[index]?.status).toBe(isLong ? 'invalid' : 'enriched')
          if (!isLong) expect(results[index]?.correlationId).toBe(correlationId)
        }
        expectOneLineEach()
      }),
      runs,
    )
  })

  it('as ids of jobs, where BullMQ takes them, have their result under that id', async () => {
    await fc.assert(
      fc.asyncProperty(many, async (jobIds) => {
        const ids = await Promise.all(jobIds.filter(fresh).map((id) => add(id, { connectionId: 'c' })))
        const taken = ids.filter((id) => id !== null)
        const results = await resultsOf(taken)
        expect(results.map(({ status }) => status)).toEqual(taken.map(() => 'enriched'))
        expectOneLineEach()
      }),
      runs,
    )
  })
})

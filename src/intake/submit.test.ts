import { describe, expect, it } from 'vitest'
import type { LookupQueues, NewLookup } from '../queues/lookup-queue.ts'
import { CHUNK, submit, toLookup } from './submit.ts'

function lookup(connectionId: string): NewLookup {
  return { connectionId, lookupId: `lk-${connectionId}` }
}

/** Remembers what was added, and when in the order of things. */
function fakeQueues(log: string[] = []): LookupQueues & { log: string[] } {
  const add = async (lane: string, lookups: NewLookup[]) => {
    log.push(`add ${lane} ${lookups.map(({ connectionId }) => connectionId).join()}`)
  }
  return { add, log } as unknown as LookupQueues & { log: string[] }
}

async function sizes(chunks: AsyncIterable<NewLookup[]>): Promise<number[]> {
  const all: number[] = []
  for await (const chunk of chunks) all.push(chunk.length)
  return all
}

describe('a request', () => {
  it('becomes a lookup with an id of its own', () => {
    const [one, other] = [toLookup({ connectionId: '1' }), toLookup({ connectionId: '1' })]
    expect(one).toMatchObject({
      ok: true,
      lookup: { connectionId: '1', lookupId: expect.stringMatching(/^lk-[0-9a-f]{32}$/) },
    })
    expect(one).not.toEqual(other)
  })

  it('with an idempotency key has the same id each time, which does not show the key', () => {
    const one = toLookup({ connectionId: '1', idempotencyKey: 'order 7' })
    expect(one).toEqual(toLookup({ connectionId: '1', idempotencyKey: 'order 7' }))
    expect(one).not.toEqual(toLookup({ connectionId: '1', idempotencyKey: 'order 8' }))
    expect(JSON.stringify(one)).not.toContain('order 7')
  })

  it.each([7, '', {}, true, 'k'.repeat(1025), 'half \ud83d', '\ude00'])(
    'with %j as idempotency key is refused',
    (idempotencyKey) => {
      expect(toLookup({ connectionId: '1', idempotencyKey })).toEqual({
        ok: false,
        problem: 'idempotencyKey: expected a string of 1 to 1024 characters, no lone surrogates, got something else',
      })
    },
  )

  it('keeps priority and delay, and has neither if none was given', () => {
    const checked = toLookup({ connectionId: '1', priority: 3, delayMs: 0 })
    expect(checked).toMatchObject({ lookup: { priority: 3, delayMs: 0 } })
    expect(Object.keys((toLookup({ connectionId: '1' }) as { lookup: object }).lookup)).toEqual([
      'connectionId',
      'lookupId',
    ])
  })

  it.each([{ priority: -1 }, { priority: 1.5 }, { priority: Number.NaN }, { delayMs: -1 }, { delayMs: '5' as never }])(
    'with %j is refused: Redis would refuse all that go with it',
    (wrong) => {
      expect(toLookup({ connectionId: '1', ...wrong })).toMatchObject({
        ok: false,
        problem: expect.stringMatching(/^(priority|delayMs): expected a whole number from 0 to \d+, got /),
      })
    },
  )

  it('that is none says so without its value', () => {
    expect(toLookup({ connectionId: 'secret\n' })).toEqual({
      ok: false,
      problem: 'connectionId: expected no control characters, got a string of 7 characters',
    })
  })
})

describe('lookups', () => {
  it('go to the queue in chunks, in their order', async () => {
    const queues = fakeQueues()
    const many = Array.from({ length: 2 * CHUNK + 1 }, (_, index) => lookup(String(index)))
    expect(await sizes(submit(queues, 'interactive', many))).toEqual([CHUNK, CHUNK, 1])
    expect(queues.log.join().match(/\d+/g)).toEqual(many.map(({ connectionId }) => connectionId))
    expect(queues.log[0]).toMatch(/^add interactive 0,/)
  })

  it('that are none go nowhere', async () => {
    const queues = fakeQueues()
    expect(await sizes(submit(queues, 'batch', []))).toEqual([])
    expect(queues.log).toEqual([])
  })

  it('that come one by one do not wait for the others of their chunk', async () => {
    const queues = fakeQueues()
    let goOn = () => {}
    async function* slow() {
      yield lookup('first')
      await new Promise<void>((resolve) => {
        goOn = resolve
      })
      yield lookup('second')
    }
    const chunks = submit(queues, 'batch', slow())
    expect((await chunks.next()).value).toEqual([lookup('first')])
    goOn()
    expect((await chunks.next()).value).toEqual([lookup('second')])
    expect((await chunks.next()).done).toBe(true)
    expect(queues.log).toEqual(['add batch first', 'add batch second'])
  })

  it('are told before they are on the queue, a chunk at a time, and are not added if they were there', async () => {
    const queues = fakeQueues()
    const before = async (chunk: NewLookup[]) => {
      queues.log.push(`before ${chunk.length}`)
      return { all: chunk, fresh: chunk.slice(1) }
    }
    expect(await sizes(submit(queues, 'batch', [lookup('1'), lookup('2')], before))).toEqual([2])
    expect(queues.log).toEqual(['before 2', 'add batch 2'])
  })

  it('read before the source failed are on the queue when its error comes', async () => {
    const queues = fakeQueues()
    async function* failing() {
      yield lookup('1')
      yield lookup('2')
      throw new Error('disk on fire')
    }
    await expect(sizes(submit(queues, 'batch', failing()))).rejects.toThrow('disk on fire')
    expect(queues.log).toEqual(['add batch 1,2'])
  })

  it('are read while those before them are added', async () => {
    let read = 0
    function* counting() {
      for (; read < 3 * CHUNK; read++) yield lookup(String(read))
    }
    const seen: number[] = []
    const before = async (chunk: NewLookup[]) => {
      await new Promise(setImmediate)
      seen.push(read)
      return { all: chunk, fresh: chunk }
    }
    expect(await sizes(submit(fakeQueues(), 'batch', counting(), before))).toEqual([CHUNK, CHUNK, CHUNK])
    expect(seen[0]).toBeGreaterThanOrEqual(2 * CHUNK)
    expect(seen[0]).toBeLessThanOrEqual(2 * CHUNK + 1)
  })

  it('are left, and their source closed, when nobody wants more', async () => {
    let closed = false
    async function* source() {
      try {
        for (let index = 0; ; index++) yield lookup(String(index))
      } finally {
        closed = true
      }
    }
    for await (const _ of submit(fakeQueues(), 'batch', source())) break
    expect(closed).toBe(true)
  })
})

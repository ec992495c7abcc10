import { describe, expect, it } from 'vitest'
import { InvalidCursor } from '../../src/fleet/cursor.ts'
import { findPage } from '../../src/fleet/find.ts'
import { run } from '../support/in-process.ts'
import { useWorld } from '../support/use-world.ts'
import { NAMES } from '../support/world.ts'
import { findSchemas } from './schemas.ts'

const world = useWorld()
const lookups = () => world.queue(NAMES.lookupQueue)

async function found(...flags: string[]) {
  const { code: exit, stdout } = await run(['find', ...flags, '--json'], world.env)
  const lines = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  return {
    exit,
    lines: lines.slice(0, -1).map((line) => findSchemas.lookup.parse(line)),
    end: findSchemas.end.parse(lines.at(-1)),
  }
}

async function addSome(): Promise<void> {
  await lookups().add('lookup', { connectionId: '1', correlationId: 'x y' }, { jobId: 'crm-1' })
  await lookups().add('lookup', { connectionId: '2' }, { jobId: 'crm-2' })
  await lookups().add('lookup', { connectionId: '3' }, { jobId: 'crm-3', priority: 5 })
  await lookups().add('lookup', { connectionId: '4' }, { jobId: 'crm-4', delay: 3_600_000 })
}

describe('find', () => {
  it('prints a line for each that matches, and how far it looked', async () => {
    await addSome()
    const one = await found('--correlation-id', 'x y')
    expect(one).toMatchObject({ exit: 0, end: { looked: 4, complete: true } })
    expect(one.lines).toMatchObject([
      { lookupId: 'crm-1', connectionId: '1', state: 'waiting', waits: { for: 'turn', behind: 0, holds: [] } },
    ])
    const all = await found('--all')
    expect(Object.fromEntries(all.lines.map(({ lookupId, waits }) => [lookupId, waits]))).toEqual({
      'crm-1': { for: 'turn', holds: [], behind: 0, after: null },
      'crm-2': { for: 'turn', holds: [], behind: 1, after: null },
      'crm-3': { for: 'turn', holds: [], behind: 2, after: null },
      'crm-4': { for: 'time', holds: [], behind: null, after: 'asked' },
    })
  })

  it('says that the fleet holds, or that the queue is paused', async () => {
    await addSome()
    await run(['hold', '--reason', 'maintenance'], world.env)
    expect((await found('--connection-id', '2')).lines[0]?.waits).toMatchObject({ for: 'release', holds: ['manual'] })
    await lookups().pause()
    expect((await found('--connection-id', '2')).lines[0]?.waits).toMatchObject({ for: 'unpause' })
    await lookups().resume()
  })

  it('shows people the same', async () => {
    await addSome()
    const { stdout, stderr } = await run(['find', '--all'], world.env)
    const lines = stdout.trimEnd().split('\n')
    expect(lines[0]).toMatch(
      /^crm-4 {2}chat-lookups {2}delayed, [\d.]+ m?s, delayed until 20.*Z, as its producer asked$/,
    )
    expect(lines.slice(1)).toEqual([
      expect.stringMatching(/^crm-3 {2}chat-lookups {2}waiting, .*, waits for its turn, behind 2 lookups$/),
      expect.stringMatching(/^crm-1 {2}chat-lookups {2}waiting, .*, waits for its turn, next in line$/),
      expect.stringMatching(/^crm-2 {2}chat-lookups {2}waiting, .*, waits for its turn, behind 1 lookup$/),
    ])
    expect(stderr).toMatch(/^4 lookups found, 4 lookups looked at\n$/m) // behind a line of progress, if it took long
  })

  it('stops at its limit, and says that it was not all', async () => {
    await addSome()
    const { lines, end, exit } = await found('--all', '--limit', '2')
    expect([lines.length, end.complete, exit]).toEqual([2, false, 0])
  })

  it('ends with 1 if there is none, and with 2 if nothing is selected', async () => {
    await addSome()
    expect(await found('--state', 'dead')).toEqual({ exit: 1, lines: [], end: { looked: 0, complete: true } })
    const { code: exit, stderr } = await run(['find'], world.env)
    expect([exit, stderr]).toEqual([2, 'error: expected what to look for, as --state dead, or --all, got nothing\n'])
  })

  it('gives pages to an API, with a cursor that belongs to its selection', async () => {
    for (let i = 0; i < 25; i++) await lookups().add('lookup', { connectionId: `${i}` }, { jobId: `crm-${i}` })
    const place = { ...NAMES, soapEndpoint: null }
    const ids: string[] = []
    const pages: number[] = []
    for (let cursor: string | null | undefined; cursor !== null; ) {
      const page = await findPage(world.redis, place, { state: 'waiting' }, { limit: 10, ...(cursor && { cursor }) })
      ids.push(...page.lookups.map(({ lookupId }) => lookupId))
      pages.push(page.lookups.length)
      expect(page.looked).toBeLessThanOrEqual(10)
      cursor = page.next
      if (cursor !== null) {
        const other = findPage(world.redis, place, { state: 'delayed' }, { cursor })
        await expect(other).rejects.toThrow(InvalidCursor)
      }
    }
    expect(ids).toEqual(Array.from({ length: 25 }, (_, i) => `crm-${i}`))
    expect(Math.max(...pages)).toBe(10)
    await expect(findPage(world.redis, place, { all: true }, { cursor: 'nonsense' })).rejects.toThrow(InvalidCursor)
  })

  it('looks at no more for a page than it is told to', async () => {
    for (let i = 0; i < 25; i++) await lookups().add('lookup', { connectionId: `${i}` }, { jobId: `crm-${i}` })
    const page = await findPage(world.redis, { ...NAMES, soapEndpoint: null }, { connectionId: '24' }, { look: 10 })
    expect([page.lookups.length, page.looked, page.next !== null]).toEqual([0, 10, true])
  })
})

import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, it } from 'vitest'
import { madeUpResult } from '../../src/stand-in/made-up.ts'
import type { ChatRequestRecord } from '../../src/stand-in/records.ts'

const SOURCE = fileURLToPath(new URL('../../src/stand-in/made-up.ts', import.meta.url))
const ids = Array.from({ length: 20_000 }, (_, i) => `chat-${i}`)
let chats: ChatRequestRecord[]
let dates: string[]
beforeAll(() => {
  chats = ids.map((id) => madeUpResult(id).ChatRequest as ChatRequestRecord)
  dates = chats.flatMap((chat) => [chat.CreationDate, chat.KeepAliveRouterDate, chat.AssignAgentRouterDate] as string[])
})

const digest = (value: unknown) => createHash('sha256').update(JSON.stringify(value)).digest('hex')

describe('a made-up chat', () => {
  it('is the same for the same id in every process, also elsewhere on Earth', () => {
    const script = `const { madeUpResult } = await import(${JSON.stringify(SOURCE)})
      const { createHash } = await import('node:crypto')
      const all = Array.from({ length: 20000 }, (_, i) => madeUpResult('chat-' + i).ChatRequest)
      console.log(createHash('sha256').update(JSON.stringify(all)).digest('hex'))`
    const there = execFileSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
      encoding: 'utf8',
      env: { PATH: process.env.PATH, TZ: 'Pacific/Apia', LANG: 'tr_TR.UTF-8' },
    })
    expect(there.trim()).toBe(digest(chats))
  })

  it('is another for another id', () => {
    expect(new Set(chats.map((chat) => chat.IdRequest)).size).toBeGreaterThan(ids.length * 0.999)
  })

  it('has the names of Brazil, with their accents, also taken apart, and what XML must escape', () => {
    const names = new Set(chats.flatMap((chat) => [chat.UserName, chat.UserLastName] as string[]))
    for (const name of [
      'José',
      'João',
      'Conceição',
      'Márcia',
      'Gonçalves',
      "D'Ávila",
      'Joa\u0303o',
      'dos Araújo',
      '',
    ]) {
      expect(names).toContain(name)
    }
    expect([...names].some((name) => name.includes(' & '))).toBe(true)
    expect(chats.some((chat) => chat.UserEmail === null)).toBe(true)
    for (const { UserEmail } of chats)
      expect(UserEmail ?? 'a.b.1@example.com').toMatch(/^[a-z]+\.[a-z]+\.\d+@example|@correio\.example/)
  })

  it('has numbers that fit 32 bits', () => {
    const numbers = chats.flatMap((chat) => Object.values(chat).filter((value) => typeof value === 'number'))
    expect(numbers.every((value) => Number.isInteger(value) && value >= -(2 ** 31) && value < 2 ** 31)).toBe(true)
  })
})

describe('its dates', () => {
  const DATE = /^(\d{4})-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,7})?(Z|-0[23]:00)?$/

  it('are as .NET writes them: no fraction of zero, no zero at its end', () => {
    for (const date of dates) {
      expect(date).toMatch(DATE)
      expect(DATE.exec(date)?.[2] ?? '.1').not.toMatch(/0$/)
    }
  })

  it('hold every awkwardness: all three kinds, summer time, fractions, both ends of the calendar', () => {
    const all = new Set(dates)
    expect(all).toContain('0001-01-01T00:00:00')
    expect(all).toContain('9999-12-31T00:00:00')
    expect(all).toContain('9999-12-31T23:59:59.9999999')
    for (const end of ['-02:00', '-03:00', 'Z', '.5', '.007-03:00', '.1234567-02:00', '.12Z']) {
      expect(dates.filter((date) => date.endsWith(end)).length, end).toBeGreaterThan(0)
    }
  })

  it('of local time have the offset that São Paulo had then', () => {
    const zone = new Intl.DateTimeFormat('en-US', { timeZone: 'America/Sao_Paulo', timeZoneName: 'longOffset' })
    const local = dates.filter((date) => /-0\d:00$/.test(date))
    expect(local.length).toBeGreaterThan(1000)
    const wrong = local.filter((date) => !zone.format(new Date(date)).endsWith(`GMT${date.slice(-6)}`))
    expect(wrong).toEqual([])
  })

  it('go on in their order: created, then seen by an agent, then last heard of', () => {
    for (const { CreationDate, AssignAgentRouterDate, KeepAliveRouterDate } of chats) {
      const seconds = [CreationDate, AssignAgentRouterDate, KeepAliveRouterDate].map((date) =>
        Date.parse(date as string),
      )
      const [created = 0, agent = 0, heard = 0] = seconds.map((at) => Math.floor(at / 1000))
      if (AssignAgentRouterDate?.startsWith('0001')) expect(heard).toBeGreaterThan(created)
      else expect([created < agent, agent <= heard]).toEqual([true, true])
    }
  })
})

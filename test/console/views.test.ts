import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { Fleet, type Member } from '../../src/fleet/members.ts'
import { HISTORY_FIELD } from '../../src/redis/names.ts'
import { NAMES } from '../support/world.ts'
import { countShifts, type Look, startBrowser, type Visit, visit } from './browser.ts'
import { type ConsoleFleet, startFleet, TOKENS } from './fleet.ts'

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const DEAD = 1100
/** A thousand lookups on a busy machine. */
const A_WHILE = { timeout: 170_000 }
const VIEWS = ['Now', 'Find', 'Dead letters', 'Service', 'Fleet', 'Activity']

let fleet: ConsoleFleet
let browser: Browser
beforeAll(async () => {
  ;[fleet, browser] = await Promise.all([startFleet({ deadLetters: DEAD }), startBrowser()])
})
afterAll(async () => {
  await browser.close()
  await fleet.close()
})

async function enter(token = TOKENS.operator, look: Look = {}): Promise<Visit> {
  const visited = await visit(browser, fleet.api.url, look)
  await visited.page.getByLabel('Token').fill(token)
  await visited.page.getByRole('button', { name: 'Log in' }).click()
  await visited.page.getByText('live', { exact: true }).waitFor()
  return visited
}

async function leave({ context, complaints }: Visit): Promise<void> {
  expect(complaints).toEqual([])
  await context.close()
}

async function open(page: Page, view: string): Promise<void> {
  await page.getByRole('navigation').getByRole('link', { name: view }).click()
  await page.getByRole('heading', { name: view, level: 2 }).waitFor({ state: 'attached' })
}

const button = (page: Page, name: string | RegExp) => page.getByRole('button', { name, exact: true })

async function add(...data: Record<string, unknown>[]): Promise<void> {
  await fleet.world.queue(NAMES.lookupQueue).addBulk(data.map((one) => ({ name: 'lookup', data: one })))
}

const widthOf = (page: Page) => page.evaluate(() => document.documentElement.scrollWidth)

/** Of tables that are wider than their place, where nobody sees that they are. */
function hiddenColumns(page: Page): Promise<(string | null)[]> {
  return page.evaluate(() => {
    const wide = [...document.querySelectorAll('.stacks')].filter((one) => one.scrollWidth > one.clientWidth)
    return wide.map((one) => one.getAttribute('aria-label'))
  })
}

async function seriousOf(page: Page): Promise<string[]> {
  await page.evaluate(AXE) // the policy of the page does not let it be a script of its own
  const found = await page.evaluate(async () => {
    // biome-ignore lint/suspicious/noExplicitAny: axe puts itself there
    const { violations } = await (globalThis as any).axe.run(document, { resultTypes: ['violations'] })
    // biome-ignore lint/suspicious/noExplicitAny: of axe
    return violations.map((one: any) => [one.impact, one.id, one.nodes.map((node: any) => node.target).join(' ')])
  })
  return (found as string[][]).filter(([impact]) => impact === 'serious' || impact === 'critical').map(String)
}

describe('who looks', () => {
  it('logs in, with a token that there is, and out again; a session that has ended asks for it', async () => {
    const visited = await visit(browser, fleet.api.url)
    const { page, context } = visited
    await page.getByLabel('Token').fill('nobody-0123456789abcdef')
    await button(page, 'Log in').click()
    await page.getByText('There is no such token.').waitFor()
    await page.getByLabel('Token').fill(TOKENS.viewer)
    await button(page, 'Log in').click()
    await page.getByText('vera', { exact: true }).waitFor()
    expect(await page.evaluate(() => [localStorage.length, document.cookie])).toEqual([0, ''])
    await context.clearCookies()
    await page.getByText('Your session has ended').waitFor()
    await page.getByLabel('Token').fill(TOKENS.operator)
    await button(page, 'Log in').click()
    await page.getByText('ana', { exact: true }).waitFor()
    await button(page, 'Log out').click()
    await page.getByLabel('Token').waitFor()
    await leave(visited)
  })

  it('without the role sees no action, and is refused by the API', async () => {
    const visited = await enter(TOKENS.viewer)
    const { page } = visited
    await open(page, 'Dead letters')
    await button(page, 'List').first().waitFor()
    expect(await button(page, 'Redrive').count()).toBe(0)
    await open(page, 'Service')
    expect(await button(page, 'Hold all calls').count()).toBe(0)
    const status = await page.evaluate(
      async () =>
        (
          await fetch('v1/holds', {
            method: 'POST',
            body: '{}',
            headers: { 'content-type': 'application/json' },
          })
        ).status,
    )
    expect(status).toBe(403)
    await leave(visited)
  })
})

describe('who may not look', () => {
  it('is told so, and nothing is asked for', async () => {
    const visited = await visit(browser, fleet.api.url)
    const { page } = visited
    const asked: string[] = []
    page.on('request', (request) => asked.push(new URL(request.url()).pathname))
    await page.getByLabel('Token').fill(TOKENS.producer)
    await button(page, 'Log in').click()
    await page.getByText('Your token may not look at the fleet').waitFor()
    await page.getByRole('navigation').getByRole('link', { name: 'Fleet' }).click()
    await page.waitForFunction(() => document.title.startsWith('Fleet'))
    expect(await button(page, 'Pause').count()).toBe(0)
    expect(await page.getByText('does not answer').count()).toBe(0)
    expect(asked.filter((path) => path.startsWith('/v1/'))).toEqual([])
    await leave(visited)
  })
})

describe.each([
  { width: 1280, scheme: 'light' },
  { width: 1280, scheme: 'dark' },
  { width: 390, scheme: 'light' },
  { width: 390, scheme: 'dark' },
] as const)('at $width px, $scheme', (look) => {
  it('axe finds nothing serious in any view; nothing is wider than the screen', async () => {
    await add({ connectionId: '77', producer: 'crm' })
    const visited = await enter(TOKENS.operator, look)
    const { page } = visited
    for (const view of VIEWS) {
      await open(page, view)
      if (view === 'Find') await button(page, 'Search').click()
      expect(await seriousOf(page), view).toEqual([])
      expect(await widthOf(page), view).toBeLessThanOrEqual(look.width)
      expect(await hiddenColumns(page), view).toEqual([])
    }
    if (look.width === 390) await page.setViewportSize({ width: 320, height: 600 }) // 1280 px at 400 %
    for (const view of look.width === 390 ? VIEWS : []) {
      await open(page, view)
      expect(await widthOf(page), view).toBeLessThanOrEqual(320)
      expect(await hiddenColumns(page), view).toEqual([])
    }
    await leave(visited)
  })
})

describe('the certificate', () => {
  it('of the service is told by the day, with what to do once it ends soon', async () => {
    const visited = await enter()
    const { page } = visited
    await open(page, 'Service')
    await page.getByText('No worker has seen one').waitFor()
    const members = new Fleet(fleet.world.redis, NAMES)
    const one = (await members.members())[0] as Member
    const expiresAt = new Date(Date.now() + 9.5 * 86_400_000).toISOString()
    await members.beat({ ...one, id: 'of-tls', certificate: { host: 'soap.example', expiresAt } })
    await page.getByText('the certificate of soap.example ends in 9 days. Do: have its owner renew it').waitFor()
    expect(await seriousOf(page)).toEqual([])
    await open(page, 'Now')
    await page.getByRole('listitem').filter({ hasText: 'certificate of soap.example' }).waitFor()
    await members.leave('of-tls')
    await leave(visited)
  })
})

describe('the service', () => {
  it('is not said to be called while a queue is paused', async () => {
    const visited = await enter()
    const { page } = visited
    await open(page, 'Service')
    await page.getByText('No hold is on.').waitFor()
    await fleet.world.queue(NAMES.lookupQueue).pause()
    try {
      await page.getByText(`has paused ${NAMES.lookupQueue}`).waitFor()
      expect(await page.getByText('No hold is on.').count()).toBe(0)
    } finally {
      await fleet.world.queue(NAMES.lookupQueue).resume()
    }
    await page.getByText('No hold is on.').waitFor()
    await leave(visited)
  })
})

describe('the incident', () => {
  it('is copied as it is shown, without an id', async () => {
    await add({ connectionId: 'i-4712', producer: 'crm' })
    const visited = await enter()
    const { page, context } = visited
    await context.grantPermissions(['clipboard-read', 'clipboard-write'])
    await open(page, 'Service')
    await button(page, 'Copy').click()
    await button(page, 'Copied').waitFor()
    const copied = await page.evaluate(() => navigator.clipboard.readText())
    expect(copied).toMatch(/^## TPClientWebServicesAPI, as seen by chat-enricher at .* UTC\n/)
    expect(copied).not.toMatch(/4712|crm/)
    await leave(visited)
  })
})

describe('a lookup', () => {
  it('is found by its id, told as a story, and what the service said is shown and noted', async () => {
    await add({ connectionId: 'o-4711', producer: 'crm', metadata: { note: 'of-a-customer' } })
    const visited = await enter()
    const { page } = visited
    const told: Promise<string>[] = []
    page.on('response', (answer) => {
      if (/v1\/(lookups|activity|history)/.test(answer.url())) told.push(answer.text().catch(() => ''))
    })
    await page.keyboard.press('/')
    await page.waitForFunction(() => document.activeElement?.id === 'search')
    await page.keyboard.type('o-4711')
    await page.keyboard.press('Enter')
    await button(page, 'o-4711').click()
    await page.getByText(/Ended .*: enriched, 1 call in 1 attempt/).waitFor()
    expect(await page.getByRole('img', { name: /called/ }).count()).toBe(1)
    for (const text of [...(await Promise.all(told)), await page.content()])
      expect(text).not.toMatch(/userEmail|of-a-customer/) // not to the browser either
    expect(told.length).toBeGreaterThan(1)
    await button(page, 'Show what the service said').click()
    await page.getByText('userEmail').waitFor()
    await button(page, 'Redrive it').click() // also what has ended well
    await page.getByText('1 lookup would be put back').waitFor()
    await page.getByText(/chat-enricher dead-letters redrive .*--state finished/).waitFor()
    await page.keyboard.press('Escape')
    expect(page.url()).not.toContain('4711')
    expect(await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }]))).toBe('[{},{}]')
    await open(page, 'Activity')
    await page.getByRole('row').filter({ hasText: 'show' }).first().waitFor()
    await leave(visited)
  })

  it('may have an id with markup, or of a script from right to left; a new search closes its story', async () => {
    const id = '<img src=x onerror=alert(1)>\u202Eשלום 👩‍👧'
    await fleet.world.queue(NAMES.lookupQueue).add('lookup', { connectionId: id }, { jobId: '..' }) // a path cannot have it
    const visited = await enter()
    const { page } = visited
    await open(page, 'Find')
    await page.getByLabel('Connection id').fill(id)
    await button(page, 'Search').click()
    await page.locator('tbody').getByText('<img src=x').click()
    const title = page.getByRole('heading', { name: 'Lookup of' })
    expect(await title.locator('bdi').textContent()).toBe(id)
    await page.getByText(/Ended .*: enriched/).waitFor()
    await page.keyboard.press('Escape')
    await title.waitFor({ state: 'hidden' })
    await page.locator('tbody').getByText('<img src=x').click()
    await title.waitFor()
    await button(page, 'Search').click()
    await title.waitFor({ state: 'hidden' })
    await page.locator('tbody').getByText('<img src=x').waitFor()
    await leave(visited)
  })

  it('far down in the list is shown where it is seen, and gives the place back', async () => {
    const visited = await enter()
    const { page } = visited
    await open(page, 'Find')
    await page.getByLabel('State').selectOption('dead')
    await button(page, 'Search').click()
    await page.getByText(/^50 lookups so far; .*; as it was at \d/).waitFor()
    const row = page.locator('tbody tr').nth(45).getByRole('button')
    await row.click()
    const title = page.getByRole('heading', { name: `Lookup of ${await row.textContent()}` })
    await page.waitForFunction(() => document.activeElement?.id === 'story')
    await page.getByText('Lookup id', { exact: true }).waitFor()
    const { y = -1 } = (await title.boundingBox()) ?? {}
    expect(y).toBeGreaterThan(50) // the head of the page is above it
    expect(y).toBeLessThan(450)
    await page.keyboard.press('Escape')
    await page.waitForFunction((text) => document.activeElement?.textContent === text, await row.textContent())
    const after = (await row.boundingBox())?.y ?? -1
    expect(after).toBeGreaterThan(0)
    expect(after).toBeLessThan(900)
    await leave(visited)
  })

  it.each([
    ['not-found', 'good'],
    ['rejected', 'warn'],
    ['failed', 'bad'],
  ])('that ended as %s is marked as %s, in the list and in its story', async (status, kind) => {
    const id = `ended-${status}`
    await addEnded(id, status)
    const visited = await enter()
    const { page } = visited
    await open(page, 'Find')
    await page.locator('#search').fill(id)
    await button(page, 'Search').click()
    await page.locator(`td .state.${kind}`, { hasText: status }).waitFor()
    const waited: string[] = []
    page.on('request', (request) => request.url().includes('wait=') && waited.push(request.url()))
    await button(page, id).click()
    await page.locator(`h3 + .state.${kind}`, { hasText: status }).waitFor()
    await page.getByText(new RegExp(`Ended .*: ${status} \\(responseCode 9\\)`)).waitFor()
    if (status !== 'failed') await page.getByText('Failed before it ended: timeout: no answer in time').waitFor()
    await open(page, 'Fleet')
    expect(waited).toEqual([]) // its result is forgotten: there is nothing to wait for
    await leave(visited)
  })

  /** As an earlier version left it: a completed job, whose result nobody remembers. */
  async function addEnded(jobId: string, status: string): Promise<void> {
    const queue = fleet.world.queue(NAMES.lookupQueue)
    const lastFailure = { code: 'timeout', message: 'no answer in time', class: 'transient', reason: 'timeout' }
    await queue.add('lookup', { connectionId: jobId }, { jobId, delay: 86_400_000 }) // so that no worker takes it
    await fleet.world.redis
      .multi()
      .zrem(queue.toKey('delayed'), jobId)
      .zadd(queue.toKey('completed'), Date.now(), jobId)
      .hset(queue.toKey(jobId), 'finishedOn', Date.now(), 'returnvalue', JSON.stringify({ status, responseCode: 9 }))
      .hset(queue.toKey(jobId), HISTORY_FIELD, JSON.stringify({ failures: 1, lastFailure }))
      .exec()
  }

  it('is asked for now, before those that wait', async () => {
    const visited = await enter()
    const { page } = visited
    await open(page, 'Find')
    await page.getByLabel('Connection id').fill('now-1')
    await button(page, 'Look this id up now').click()
    await page.getByText('chat-enricher enqueue now-1 --interactive --wait').waitFor()
    await button(page, 'Look up').click()
    await button(page, 'Close').last().click()
    await page.getByText(/Ended .*: enriched/).waitFor()
    await leave(visited)
  })
})

describe('filters', () => {
  it('may be of age, in minutes', async () => {
    await add({ connectionId: 'of-age' })
    const visited = await enter()
    const { page } = visited
    await open(page, 'Find')
    await page.locator('#search').fill('of-age')
    await page.getByText('More fields').click()
    await page.getByLabel('Newer than, minutes').fill('90')
    await button(page, 'Search').click()
    await button(page, 'of-age').waitFor()
    await page.getByLabel('Older than, minutes').fill('1.5')
    await button(page, 'Search').click()
    await page.getByText(/^None with these filters \(Newer than: 90 min, Older than: 1.5 min\)/).waitFor()
    await leave(visited)
  })

  it('are to be seen wherever they are set, in the dialog too; Find from the menu has none', async () => {
    const id = 'of-no-filter'
    await add({ connectionId: id })
    const visited = await enter(TOKENS.operator, { width: 390 })
    const { page } = visited
    const search = async () => {
      await page.locator('#search').fill(id)
      await button(page, 'Search').click()
    }
    await open(page, 'Dead letters')
    await button(page, 'List').first().click()
    const failure = page.getByLabel(/^Failure/)
    await failure.waitFor() // "More fields" is open
    const code = await failure.inputValue()
    await page.getByText('More fields').click()
    await failure.waitFor()
    await button(page, 'Drop all that match').click()
    await page.getByText(`Of those with: State: dead, Failure: ${code}`).waitFor()
    await page.keyboard.press('Escape')
    await search()
    const none = page.getByText(new RegExp(`None .*with these filters \\(State: dead, Failure: ${code}.*\\)`))
    await none.waitFor()
    expect(await seriousOf(page)).toEqual([])
    expect(await widthOf(page)).toBeLessThanOrEqual(390)
    await button(page, /Leave out State: dead/).click()
    await page.getByText(new RegExp(`None .*with these filters \\(Failure: ${code}.*\\)`)).waitFor()
    await button(page, 'Search without them').click()
    await button(page, id).waitFor()
    await open(page, 'Dead letters')
    await button(page, 'List').first().click()
    await page.getByText('Lookups that match').waitFor()
    await open(page, 'Activity')
    await open(page, 'Find')
    await page.getByText('Search by a connection id').waitFor()
    await search()
    await button(page, id).waitFor()
    await leave(visited)
  })
})

describe('actions', () => {
  it('hold and release, which the page sees at once; Esc does nothing and gives the focus back', async () => {
    const visited = await enter()
    const { page } = visited
    await open(page, 'Service')
    await button(page, 'Hold all calls').click()
    await page.getByLabel('Why').waitFor()
    await page.keyboard.press('Escape')
    await page.waitForFunction(() => document.activeElement?.textContent === 'Hold all calls')
    await page.keyboard.press('Enter')
    await page.getByLabel('Why').fill('a test')
    await page.getByText("chat-enricher hold --for 60m --reason 'a test'").waitFor()
    await button(page, 'Hold').click()
    await button(page, 'Close').click()
    await page.getByText('Held: manual').waitFor()
    await open(page, 'Now')
    await page.getByText('Held', { exact: true }).waitFor()
    await cancelOne(page)
    await open(page, 'Service')
    await button(page, 'Release').click()
    await page.getByRole('dialog').getByRole('button', { name: 'Release' }).click()
    await button(page, 'Close').click()
    await page.getByText('No hold is on.').waitFor()
    await open(page, 'Activity')
    for (const action of ['hold', 'cancel', 'release'])
      await page.getByRole('row').filter({ hasText: action }).first().waitFor()
    await leave(visited)
  })

  /** While the fleet is held, because nobody takes it up then. */
  async function cancelOne(page: Page): Promise<void> {
    await add({ connectionId: 'c-1', producer: 'cancelled' })
    await open(page, 'Find')
    await page.getByText('More fields').click()
    await page.getByLabel('Producer').fill('cancelled')
    await button(page, 'Search').click()
    await button(page, 'Cancel all that match').click()
    await page.getByText('1 lookup would be ended').waitFor()
    await button(page, 'Cancel them').click()
    await page.getByText('Cancelled: 1 lookup.').waitFor()
    await button(page, 'Close').click()
    await page.locator('td .state.bad', { hasText: 'dead' }).waitFor() // the list is read anew
    expect(await button(page, 'Cancel all that match').count()).toBe(0)
  }

  it('that is being done says so, calls nothing undone, and goes on when its dialog is closed', async () => {
    const visited = await enter()
    const { page } = visited
    await open(page, 'Service')
    let letGo = () => {}
    const gone = new Promise<void>((resolve) => (letGo = resolve))
    await page.route('**/v1/holds', async (route) => {
      await gone
      await route.continue()
    })
    await button(page, 'Hold all calls').click()
    await button(page, 'Hold').click()
    await page.getByText('It is being done, also when you close this.').waitFor()
    expect(await button(page, 'Do nothing').count()).toBe(0)
    expect(await seriousOf(page)).toEqual([])
    await button(page, 'Close').click()
    letGo()
    await page.getByText('Held: manual').waitFor()
    await call('DELETE', 'v1/holds')
    await leave(visited)
  })

  it('redrive, which warns of a hold, and leaves a line that leads to what has failed again', async () => {
    const selection = { connectionId: 'of d-7', queue: 'lookup' } // their failure changes: upkeep does not know it
    await call('POST', 'v1/dead-letters/redrive', { selection })
    const isDone = async () => {
      const { activity } = await call('GET', 'v1/activity?limit=5')
      expect(activity).toContainEqual(expect.objectContaining({ action: 'redrive', state: 'done', count: 1 }))
    }
    await vi.waitFor(isDone, { timeout: 20_000 }) // a page that sees it run keeps its progress instead
    await call('POST', 'v1/holds', {})
    const visited = await enter()
    const { page } = visited
    await open(page, 'Dead letters')
    await button(page, 'Redrive').first().click()
    await page.getByText('The fleet holds now (manual)').waitFor()
    await page.getByLabel('Also what failed with the cause').check()
    await page.getByText('The fleet holds now').waitFor({ state: 'hidden' })
    await page.keyboard.press('Escape')
    await call('DELETE', 'v1/holds')
    const line = page.getByRole('listitem').filter({ hasText: /redrive of 1 by ana \(Queue: lookup\)/ })
    await line.waitFor()
    expect(await seriousOf(page)).toEqual([])
    await line.getByRole('button').click()
    await button(page, /Leave out Queue: lookup/).waitFor()
    await leave(visited)
  })

  async function call(method: string, path: string, body?: object): Promise<Record<string, unknown>> {
    const headers = { authorization: `Bearer ${TOKENS.operator}`, ...(body && { 'content-type': 'application/json' }) }
    const answer = await fetch(new URL(path, fleet.api.url), {
      method,
      headers,
      ...(body && { body: JSON.stringify(body) }),
    })
    expect(answer.ok).toBe(true)
    return (await answer.json()) as Record<string, unknown>
  }

  it('set and reset the limit, saying what is in force and how soon it will be', async () => {
    const visited = await enter()
    const { page } = visited
    await open(page, 'Fleet')
    await button(page, 'Set the limit').click()
    const dialog = page.getByRole('dialog')
    await dialog.getByText("In force now: 100 calls a second (the workers' environment); burst: ").waitFor()
    await page.getByLabel('Calls a second (now: 100)').fill('90')
    await button(page, 'Set it').click()
    await page.getByText('Set: 90 calls a second, in force for all workers within a second.').waitFor()
    await button(page, 'Close').click()
    await button(page, 'Reset the limits').click()
    await dialog.getByText(/In force now: 90 calls a second \(set by ana at /).waitFor()
    await page.getByText('Then: 100 calls a second.').waitFor()
    await button(page, 'Reset').click()
    await page.getByText("Reset: the workers' own limits are in force").waitFor()
    await button(page, 'Close').click()
    await button(page, 'Reset the limits').waitFor({ state: 'hidden' })
    await leave(visited)
  })

  it('release at a part of the pace, which counts wherever a limit is told', async () => {
    const visited = await enter()
    const { page } = visited
    await call('DELETE', 'v1/holds', { pace: 0.25 })
    try {
      await open(page, 'Service')
      await page.getByText('Calls at 25 % of its pace').waitFor()
      await open(page, 'Fleet')
      const own = "In force now: 25 calls a second, 25 % of 100 (the workers' environment) until it is released in full"
      await page.getByText(own).waitFor()
      await button(page, 'Set the limit').click()
      await page.getByRole('dialog').getByText(own).waitFor()
      await page.getByLabel('Calls a second at the full pace (now: 100)').fill('90')
      await button(page, 'Set it').click()
      await page.getByText('As long as the fleet goes at 25 % of its pace, that is 22.5.').waitFor()
      await button(page, 'Close').click()
      await page.getByText(/In force now: 22.5 calls a second, 25 % of 90 \(set by ana at /).waitFor()
      await page.getByRole('row').filter({ hasText: 'works' }).filter({ hasText: '90' }).nth(1).waitFor()
      await button(page, 'Reset the limits').click()
      await page.getByText('Then: 25 calls a second.').waitFor()
      await page.keyboard.press('Escape')
    } finally {
      await call('DELETE', 'v1/holds')
      await call('DELETE', 'v1/limit')
    }
    await page.locator('main > p').getByText('In force now: 100 calls a second').waitFor()
    await leave(visited)
  })

  it('redrive more than a thousand once their number is typed; the progress survives a reload', A_WHILE, async () => {
    const visited = await enter()
    const { page } = visited
    await open(page, 'Dead letters')
    await button(page, 'Redrive').first().click()
    await page.getByLabel('Lookups a second').fill('300')
    const label = page.getByText(/Type \d+ to go on/)
    await label.waitFor()
    const [count = ''] = /\d+/.exec((await label.textContent()) ?? '') ?? []
    expect(await page.getByRole('dialog').getByRole('button', { name: 'Redrive' }).isDisabled()).toBe(true)
    await label.getByRole('textbox').fill(Number(count).toLocaleString('en-US'))
    await page.getByRole('dialog').getByRole('button', { name: 'Redrive' }).click()
    await page.getByText('It has begun, and goes on by itself.').waitFor()
    await button(page, 'Close').click()
    await page.reload()
    await page.getByText(new RegExp(`redrive by ana.*of ${Number(count).toLocaleString('en-US')}`)).waitFor()
    await page.waitForFunction(() => document.querySelector('progress') === null, null, { timeout: 140_000 })
    await leave(visited)
  })
})

describe('trouble', () => {
  it('Redis away is said, with how old what is shown is; it goes when Redis is back, and nothing moves', async () => {
    const visited = await enter()
    const { page } = visited
    await page.locator('footer').waitFor() // by then all is there
    await page.getByText('nothing waits').waitFor()
    const shifted = await countShifts(page)
    const info = await fleet.world.redis.info('server')
    const pid = Number(/process_id:(\d+)/.exec(info)?.[1])
    process.kill(pid, 'SIGSTOP')
    try {
      await page.getByText('The API cannot reach Redis.').waitFor()
      await page.getByText(/stale since/).waitFor()
    } finally {
      process.kill(pid, 'SIGCONT')
    }
    await page.getByText('live', { exact: true }).waitFor()
    await page.getByText('The API cannot reach Redis.').waitFor({ state: 'hidden' })
    expect((await shifted()).movers).toEqual([])
    await leave(visited)
  })

  it('an API that is away is said, too, and what was there stays', async () => {
    const visited = await enter()
    const { page, context } = visited
    await context.setOffline(true)
    await button(page, 'Pause').click() // the stream that is open stays open
    await button(page, 'Go on').click()
    await page.getByText('The API does not answer. What is shown is as it was at').waitFor()
    expect(await page.locator('.sentence').count()).toBe(1)
    await open(page, 'Service')
    await button(page, 'Hold all calls').click()
    await button(page, 'Hold').click()
    await page.getByText('Whether it was done is not known').waitFor()
    await page.keyboard.press('Escape')
    await open(page, 'Find')
    await button(page, 'Search').click()
    await page.locator('p.problem', { hasText: /^The API does not answer\.$/ }).waitFor()
    await open(page, 'Dead letters')
    await context.setOffline(false)
    await page.locator('.trouble').waitFor({ state: 'hidden' })
    await page.getByText('live', { exact: true }).waitFor()
    await button(page, 'List').first().waitFor() // what could not be read is read then
    await leave(visited)
  })

  it('paused or hidden, it asks nothing', async () => {
    const visited = await enter()
    const { page } = visited
    const asked: string[] = []
    page.on('request', (request) => asked.push(request.url()))
    const asksNothing = async () => {
      asked.length = 0
      await page.waitForTimeout(2500)
      expect(asked).toEqual([])
    }
    await button(page, 'Pause').click()
    await page.getByText('paused; as it was at').waitFor()
    await asksNothing()
    await button(page, 'Go on').click()
    await page.getByText('live', { exact: true }).waitFor()
    await hide(page, true)
    await asksNothing()
    await Promise.all([page.waitForRequest(/v1\/live/), hide(page, false)])
    await page.getByText('live', { exact: true }).waitFor()
    await leave(visited)
  })

  it('a story is followed to its end, after a pause and after an API that was away', async () => {
    const queue = fleet.world.queue(NAMES.interactiveQueue)
    await queue.pause()
    const visited = await enter()
    const { page, context } = visited
    await open(page, 'Find')
    await page.getByLabel('Connection id').fill('followed')
    await button(page, 'Look this id up now').click()
    await button(page, 'Look up').click()
    await button(page, 'Close').last().click()
    await button(page, 'Search').click()
    await page.locator('tbody').getByRole('button').click()
    await page.locator('.steps', { hasText: 'waits because its queue is paused' }).waitFor()
    const asked: string[] = []
    page.on('request', (request) => asked.push(request.url()))
    await button(page, 'Pause').click()
    await page.getByText('paused; as it was at').waitFor()
    asked.length = 0
    await page.waitForTimeout(2500)
    expect(asked).toEqual([])
    await context.setOffline(true)
    await button(page, 'Go on').click()
    await page.getByText('The API does not answer.').waitFor()
    await context.setOffline(false)
    await queue.resume()
    await page.getByText(/Ended .*: enriched/).waitFor()
    await page.locator('td .state.good', { hasText: 'enriched' }).waitFor() // in the list, too
    await leave(visited)
  })

  /** As another tab before it does; a browser without a screen shows all of them. */
  async function hide(page: Page, isHidden: boolean): Promise<void> {
    await page.evaluate((hidden) => {
      Object.defineProperty(document, 'hidden', { configurable: true, value: hidden })
      document.dispatchEvent(new Event('visibilitychange'))
    }, isHidden)
  }
})

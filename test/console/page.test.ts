import { gzipSync } from 'node:zlib'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Holds } from '../../src/gate/holds.ts'
import { gateKeys, serviceOf } from '../../src/redis/names.ts'
import { addDeadLetters } from '../support/dead-letters.ts'
import { NAMES } from '../support/world.ts'
import { countShifts, firstSight, startBrowser, visit } from './browser.ts'
import { type ConsoleFleet, startFleet } from './fleet.ts'

let fleet: ConsoleFleet
let browser: Browser
beforeAll(async () => {
  ;[fleet, browser] = await Promise.all([startFleet({ tokens: false, workers: 1 }), startBrowser()])
})
afterAll(async () => {
  await browser.close()
  await fleet.close()
})

describe('the page', () => {
  it('is served with a strict policy, and its files for ever, because their names change', async () => {
    const page = await fetch(fleet.api.url)
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'; script-src 'self'")
    expect(page.headers.get('content-security-policy')).not.toContain('unsafe')
    expect(page.headers.get('cache-control')).toBe('no-cache')
    const [, script = ''] = /src="(console\/console[^"]+\.js)"/.exec(await page.text()) ?? []
    const file = await fetch(`${fleet.api.url}/${script}`)
    expect([file.status, file.headers.get('content-type')]).toEqual([200, 'text/javascript; charset=utf-8'])
    expect(file.headers.get('cache-control')).toContain('immutable')
    expect((await fetch(`${fleet.api.url}/console/..%2fmain.js`)).status).toBe(404)
    const again = await fetch(fleet.api.url, { headers: { 'if-none-match': page.headers.get('etag') ?? '' } })
    expect(again.status).toBe(304)
  })

  it('takes less than 120 kB, compressed', async () => {
    const page = await (await fetch(fleet.api.url)).text()
    const textOf = async (name: string) => (await fetch(`${fleet.api.url}/console/${name}`)).text()
    const first = [...page.matchAll(/console\/([\w-]+\.(?:js|css))/g)].map(([, name = '']) => name)
    const texts = await Promise.all(first.map(textOf))
    const later = [...texts.join('').matchAll(/import\("\.\/([^"]+)"\)/g)].map(([, name = '']) => name)
    expect([first.length, later.length]).toEqual([3, 1])
    const all = [...texts, ...(await Promise.all(later.map(textOf)))]
    expect(all.join('')).toContain('uplot')
    expect(gzipSync(all.join('')).length).toBeLessThan(120_000)
  })

  it('says how the fleet is after work of less than a second on a processor of a quarter of the speed', async () => {
    const { workedMs } = await firstSight(browser, fleet.api.url)
    expect(workedMs).toBeLessThan(1000)
  })

  it('begins with the sentence of status, and follows the fleet', async () => {
    const { page, complaints, context } = await visit(browser, fleet.api.url)
    await page.getByText('nothing waits').waitFor()
    const shifted = await countShifts(page)
    await fleet.world
      .queue('chat-lookups')
      .addBulk(Array.from({ length: 300 }, (_, id) => ({ name: 'lookup', data: { connectionId: `${id}` } })))
    await page.getByText(/backlog \d+, [\d.]+ results\/s: gone in/).waitFor()
    const { shifted: moved, movers } = await shifted()
    expect(moved, movers.join('\n')).toBeLessThan(0.001) // the word for how it is is another one, in its place
    await page.locator('.plot canvas').nth(3).waitFor()
    await page.getByText('As a table').first().click()
    await page.getByRole('row').filter({ hasText: '(not over)' }).waitFor()
    expect(await page.getByRole('row').count()).toBeLessThan(40) // of the chart that is open alone
    expect(complaints).toEqual([])
    await context.close()
  })

  it('costs Redis the same for fifty as for one', { timeout: 90_000 }, async () => {
    await commandsWhile([fleet.api.url]) // the first one reads the whole hour
    const one = await commandsWhile([fleet.api.url])
    const fifty = await commandsWhile(Array.from({ length: 50 }, () => fleet.api.url))
    expect(fifty).toBeLessThan(1.5 * one + 50) // most of both is the worker's own
  })
})

describe('the description of the API', () => {
  it('is shown under its policy, over plain HTTP', async () => {
    const { page, complaints, context } = await visit(browser, `${fleet.api.url}/docs/`)
    await page.getByText('Puts a lookup on a queue').first().click()
    await page.getByText('Idempotency-Key').first().waitFor()
    expect(complaints).toEqual([])
    await context.close()
  })
})

describe('a fleet whose last worker has stopped', () => {
  beforeAll(async () => {
    await Promise.all(fleet.workers.map((worker) => worker.kill('SIGTERM')))
  })

  it('gets dead letters, and no link moves by their count', async () => {
    const { page, complaints, context } = await visit(browser, fleet.api.url)
    await page.locator('.plot canvas').nth(3).waitFor()
    await page.getByText('No workers').waitFor()
    const place = await page.getByRole('link', { name: 'Service' }).boundingBox()
    await addDeadLetters(fleet.world.redis, fleet.world.queue(NAMES.lookupQueue), 2)
    await page.getByRole('link', { name: /Dead letters ?2/ }).waitFor()
    expect(await page.getByRole('link', { name: 'Service' }).boundingBox()).toEqual(place)
    expect(complaints).toEqual([])
    await context.close()
  })

  it('is what a redrive and a look-up warn of', async () => {
    const { page, complaints, context } = await visit(browser, fleet.api.url)
    await page.getByText('No workers').waitFor()
    const warned = page.getByRole('dialog').getByText('No worker is running: nothing is called until one starts')
    await page.getByRole('link', { name: 'Dead letters' }).click()
    await page.getByRole('button', { name: 'Redrive' }).first().click()
    await warned.waitFor()
    await page.getByText('It takes about 1.0 s at that pace.').waitFor() // no limit is in force
    await page.keyboard.press('Escape')
    await page.keyboard.press('/')
    await page.getByLabel('Connection id').fill('77')
    await page.getByRole('button', { name: 'Look this id up now' }).click()
    await warned.waitFor()
    expect(complaints).toEqual([])
    await context.close()
  })

  it('and that holds: a redrive of what it holds for is refused, and told once, in words of the page', async () => {
    const holds = new Holds(fleet.world.redis, gateKeys(NAMES, serviceOf(fleet.env.SOAP_ENDPOINT ?? '')))
    const { page, complaints, context } = await visit(browser, fleet.api.url)
    await page.getByRole('link', { name: 'Dead letters' }).click()
    await page.getByRole('button', { name: 'Redrive' }).first().click()
    const dialog = page.getByRole('dialog')
    await dialog.getByText('would be put back').waitFor()
    expect(await dialog.getByRole('button', { name: 'Redrive' }).isEnabled()).toBe(true)
    await holds.begin('configuration', 'credentials', 60_000) // nobody is there who would try
    await dialog.getByText('with (configuration: credentials). Redrive when it calls again, or tick').waitFor()
    expect(await dialog.innerText()).not.toMatch(/begins when that ends|--force/)
    await dialog.getByLabel('Also what failed with the cause').check()
    await dialog.getByText('dead-letters redrive --state dead --failure soap-fault --fault Server --force').waitFor()
    await dialog.getByText('Refused').waitFor({ state: 'hidden' })
    await dialog.getByLabel('Also what failed with the cause').uncheck()
    await dialog.getByText('Refused').waitFor()
    await holds.end('configuration')
    await dialog.getByText('Refused').waitFor({ state: 'hidden' })
    expect(await dialog.getByRole('button', { name: 'Redrive' }).isEnabled()).toBe(true)
    expect(complaints).toEqual([])
    await context.close()
  })
})

describe('a fleet without a worker, which nobody has used yet', () => {
  let empty: ConsoleFleet
  beforeAll(async () => {
    empty = await startFleet({ tokens: false, workers: 0 })
  })
  afterAll(() => empty.close())

  it('is said to be so, and no figure is made up', async () => {
    const { page, complaints, context } = await visit(browser, empty.api.url)
    await page.getByText('No workers').waitFor()
    await page.getByText('Not known yet').nth(1).waitFor()
    expect(await page.getByText('Not known yet').count()).toBe(2)
    expect(await page.locator('.figures > div').filter({ hasText: 'Limit' }).locator('dd').first().innerText()).toMatch(
      /^–/,
    )
    for (const view of ['Find', 'Dead letters', 'Service', 'Fleet', 'Activity']) {
      await page.getByRole('link', { name: view }).click()
      await page.getByRole('heading', { name: view, level: 2 }).waitFor()
      if (view === 'Service') await page.getByText('Nobody calls it').waitFor()
    }
    await page.getByRole('link', { name: 'Now' }).click()
    await empty.world.redis.config('SET', 'maxmemory', '1mb')
    await page.getByText('takes no writes: its memory is full (').waitFor()
    await page.getByRole('link', { name: 'Service' }).click()
    await page.getByText('Nothing is called').waitFor()
    await empty.world.redis.config('SET', 'maxmemory', '0')
    await page.goBack()
    await page.goBack()
    await page.goBack()
    await page.getByRole('heading', { name: 'Fleet', level: 2 }).waitFor()
    expect(complaints).toEqual([])
    await context.close()
  })
})

/** Redis' commands a second, while so many pages ask for what a page asks for. */
async function commandsWhile(pages: readonly string[]): Promise<number> {
  const over = new AbortController()
  const streams = pages.map(async (url) => {
    const { body } = await fetch(`${url}/v1/live`, { signal: over.signal })
    for await (const _ of body ?? []) if (over.signal.aborted) break
  })
  const before = await commands()
  const began = performance.now()
  for (let second = 0; second < 2; second++) {
    const asked = pages.flatMap((url) => [`${url}/v1/history`, `${url}/v1/activity?limit=100`])
    await Promise.all(asked.map(async (url) => (await fetch(url)).text()))
    await new Promise((resolve) => setTimeout(resolve, 1000))
  }
  const perSecond = (1000 * ((await commands()) - before)) / (performance.now() - began)
  over.abort()
  await Promise.allSettled(streams)
  return perSecond
}

async function commands(): Promise<number> {
  return Number(/total_commands_processed:(\d+)/.exec(await fleet.world.redis.info('stats'))?.[1])
}

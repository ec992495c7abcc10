import { gzipSync } from 'node:zlib'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startBrowser, visit } from './browser.ts'
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
    const [, script = ''] = /src="(console\/[^"]+\.js)"/.exec(await page.text()) ?? []
    const file = await fetch(`${fleet.api.url}/${script}`)
    expect([file.status, file.headers.get('content-type')]).toEqual([200, 'text/javascript; charset=utf-8'])
    expect(file.headers.get('cache-control')).toContain('immutable')
    expect((await fetch(`${fleet.api.url}/console/..%2fmain.js`)).status).toBe(404)
    const again = await fetch(fleet.api.url, { headers: { 'if-none-match': page.headers.get('etag') ?? '' } })
    expect(again.status).toBe(304)
  })

  it('takes less than 120 kB, compressed', async () => {
    const page = await (await fetch(fleet.api.url)).text()
    const files = [...page.matchAll(/console\/console-\w+\.(?:js|css)/g)].map(([name]) => name)
    expect(files).toHaveLength(2)
    const texts = await Promise.all(files.map(async (name) => (await fetch(`${fleet.api.url}/${name}`)).text()))
    expect(gzipSync(texts.join('')).length).toBeLessThan(120_000)
  })

  it('begins with the sentence of status, and follows the fleet', async () => {
    const { page, complaints, context } = await visit(browser, fleet.api.url)
    await page.getByText('nothing waits').waitFor()
    await fleet.world
      .queue('chat-lookups')
      .addBulk(Array.from({ length: 300 }, (_, id) => ({ name: 'lookup', data: { connectionId: `${id}` } })))
    await page.getByText(/backlog \d+, [\d.]+ results\/s: gone in/).waitFor()
    expect(complaints).toEqual([])
    await context.close()
  })
})

/** Debian's Chromium, driven over its own protocol. Whatever a page says on its console, or breaks of its policy, is kept. */

import { existsSync } from 'node:fs'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'

const BINARY = process.env.CHROMIUM ?? '/usr/bin/chromium'

export async function startBrowser(): Promise<Browser> {
  if (!existsSync(BINARY)) {
    throw new Error(
      `expected Chromium at ${BINARY}, got nothing: apt-get install chromium, or set CHROMIUM to its path`,
    )
  }
  return chromium.launch({ executablePath: BINARY, args: ['--no-sandbox', '--disable-gpu'] })
}

export interface Visit {
  context: BrowserContext
  page: Page
  /** What no page may say: errors and warnings of its console, exceptions, and what its policy refused. */
  complaints: string[]
}

export interface Look {
  width?: number
  scheme?: 'light' | 'dark'
}

export async function visit(
  browser: Browser,
  url: string,
  { width = 1280, scheme = 'light' }: Look = {},
): Promise<Visit> {
  const viewport = { width, height: width < 600 ? 844 : 900 }
  const context = await browser.newContext({ viewport, colorScheme: scheme, reducedMotion: 'reduce' })
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(`exception: ${error.message}`))
  page.on('console', (message) => {
    // Chromium says so itself of every answer that is not 2xx; tests provoke some.
    if (message.text().startsWith('Failed to load resource')) return
    if (['error', 'warning'].includes(message.type())) complaints.push(`${message.type()}: ${message.text()}`)
  })
  await page.addInitScript(() => {
    addEventListener('securitypolicyviolation', (event) =>
      console.error(`policy: ${event.violatedDirective} refused ${event.blockedURI}`),
    )
  })
  await page.goto(url)
  return { context, page, complaints }
}

/** How much the page has moved under the reader's eyes, by itself, since it was asked to count. */
interface Shifted {
  shifted: number
  /** What moved. */
  movers: string[]
}

/** But for how live it is: that grows to its left, in a place that is kept for it. */
export async function countShifts(page: Page): Promise<() => Promise<Shifted>> {
  await page.evaluate(() => {
    const counted = globalThis as unknown as Shifted
    counted.shifted = 0
    counted.movers = []
    new PerformanceObserver((list) => {
      type Shift = { value: number; hadRecentInput: boolean; sources: { node: Node | null }[] }
      for (const { value, hadRecentInput, sources } of list.getEntries() as unknown as Shift[]) {
        const elements = sources.map(({ node }) => (node instanceof Element ? node : node?.parentElement))
        const isLive = elements.length > 0 && elements.every((element) => element?.closest('.live'))
        if (hadRecentInput || isLive) continue
        counted.shifted += value
        const nodes = elements.map((element) => `${element?.nodeName}.${element?.className}`)
        counted.movers = [...counted.movers, `${value.toFixed(5)} ${nodes.join(' ')}`].slice(0, 20)
      }
    }).observe({ type: 'layout-shift' })
  })
  return () =>
    page.evaluate(() => {
      const { shifted, movers } = globalThis as unknown as Shifted
      return { shifted, movers }
    })
}

const SLOWER = 4

interface Sight {
  /** When the sentence was drawn, since the page was asked for. */
  drawnAtMs: number
  /** What the page had worked until then, at that speed: the browser slows it down by keeping it busy. It does not depend on what else the machine does. */
  workedMs: number
}

/** A new page on a processor of a quarter of the speed, until it says how the fleet is. */
export async function firstSight(browser: Browser, url: string): Promise<Sight> {
  const { page, context } = await visit(browser, 'about:blank')
  const cdp = await context.newCDPSession(page)
  await cdp.send('Performance.enable', { timeDomain: 'threadTicks' })
  await cdp.send('Emulation.setCPUThrottlingRate', { rate: SLOWER })
  await page.goto(url)
  const drawnAt = await page.evaluate(
    () =>
      new Promise<number>((resolve) => {
        const seen = (list: { getEntries(): unknown[] }) =>
          resolve((list.getEntries() as { renderTime: number }[])[0]?.renderTime ?? 0)
        new PerformanceObserver(seen).observe({ type: 'element', buffered: true })
      }),
  )
  const { metrics } = await cdp.send('Performance.getMetrics')
  const worked = metrics.find(({ name }) => name === 'TaskDuration')?.value ?? Number.POSITIVE_INFINITY
  await context.close() // a page that is slowed down costs a processor while it is there
  return { drawnAtMs: Math.round(drawnAt), workedMs: Math.round(1000 * worked) }
}

/**
 * Pictures of the console from a fleet that really runs, for docs/console/: a good day, then a service that fails, and what is
 * left of it. `npm run pictures`; it takes two minutes, and needs Chromium.
 */

import { mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Page } from 'playwright-core'
import { startBrowser, visit } from '../test/console/browser.ts'
import { type ConsoleFleet, startFleet, TOKENS } from '../test/console/fleet.ts'
import { consume, NAMES } from '../test/support/world.ts'

/** Wide enough for two charts beside each other, and small as a file. */
const WIDTH = 1060
const FOLDER = fileURLToPath(new URL('../docs/console/', import.meta.url))
const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** A CRM and an import that ask, about fifty times a second, and a consumer of the results. */
function traffic(fleet: ConsoleFleet): () => Promise<void> {
  let id = 100_000
  const some = () =>
    Array.from({ length: 4 + Math.floor(Math.random() * 7) }, () => ({
      name: 'lookup',
      data: { connectionId: String(id++), producer: id % 4 === 0 ? 'import' : 'crm' },
    }))
  const timer = setInterval(() => void fleet.world.queue(NAMES.lookupQueue).addBulk(some()), 140)
  const consumer = consume(fleet.world)
  return async () => {
    clearInterval(timer)
    await consumer.close()
  }
}

async function open(page: Page, view: string): Promise<void> {
  await page.getByRole('navigation').getByRole('link', { name: view }).click()
  await wait(900)
}

async function take(page: Page, name: string, fullPage = true): Promise<void> {
  await page.mouse.move(0, 0)
  const png = await page.screenshot({ fullPage, scale: 'css' })
  writeFileSync(`${FOLDER}${name}.webp`, await asWebp(png))
  process.stderr.write(`docs/console/${name}.webp\n`)
}

/** A third of the size; the browser itself can write it, so no other tool is needed. */
async function asWebp(png: Buffer): Promise<Buffer> {
  const { page, context } = await visit(browser, 'about:blank')
  const written = await page.evaluate(
    async (source) => {
      const image = new Image()
      image.src = source
      await image.decode()
      const canvas = new OffscreenCanvas(image.width, image.height)
      canvas.getContext('2d')?.drawImage(image, 0, 0)
      const bytes = new Uint8Array(
        await (await canvas.convertToBlob({ type: 'image/webp', quality: 0.8 })).arrayBuffer(),
      )
      return [...bytes]
    },
    `data:image/png;base64,${png.toString('base64')}`,
  )
  await context.close()
  return Buffer.from(written)
}

async function goodDay(page: Page): Promise<void> {
  await open(page, 'Find')
  await page.getByLabel('Connection id').fill('100123')
  await page.getByRole('button', { name: 'Search' }).click()
  await page.getByText('looked at').waitFor()
  await page.getByRole('button', { name: 'Look this id up now' }).click()
  await page.getByRole('button', { name: 'Look up', exact: true }).click()
  await page.getByRole('button', { name: 'Close' }).last().click()
  await page.getByText(/Ended .*enriched/).waitFor()
  await take(page, 'find')
  await open(page, 'Fleet')
  await take(page, 'fleet')
  await open(page, 'Now')
  await wait(45_000)
  await take(page, 'now')
}

/** Some ids that the service refuses for good, then a service that is down. */
async function badDay(page: Page, fleet: ConsoleFleet): Promise<void> {
  fleet.world.standIn.set({
    rules: [
      { id: '3$', faults: ['dtd'] },
      { id: '7$', faults: ['too-large'] },
      { id: '9$', faults: ['server-fault'] },
    ],
  })
  await wait(8_000)
  fleet.world.standIn.set({ rules: [], faultRate: 1, faults: ['503'] })
  await page.getByText('Held', { exact: true }).waitFor()
  await wait(25_000)
  await take(page, 'held')
  await open(page, 'Service')
  await take(page, 'service')
  await open(page, 'Dead letters')
  await take(page, 'dead-letters')
  await page.getByRole('button', { name: 'Redrive', exact: true }).first().click()
  await page.getByText('would be put back').waitFor()
  await take(page, 'redrive', false)
  await page.keyboard.press('Escape')
  await open(page, 'Service')
  await page.getByRole('button', { name: 'Release' }).click()
  fleet.world.standIn.set({ faultRate: 0 }) // not before, because the hold would end by itself
  await page.getByRole('dialog').getByRole('button', { name: 'Release' }).click()
  await page.getByRole('button', { name: 'Close' }).click()
  await open(page, 'Activity')
  await take(page, 'activity')
}

async function onAPhone(fleet: ConsoleFleet): Promise<void> {
  const { page } = await visit(browser, fleet.api.url, { width: 390, scheme: 'dark' })
  await page.getByLabel('Token').fill(TOKENS.operator)
  await page.getByRole('button', { name: 'Log in' }).click()
  await wait(3_000)
  await take(page, 'phone', false)
}

mkdirSync(FOLDER, { recursive: true })
const fleet = await startFleet()
const browser = await startBrowser()
const stop = traffic(fleet)
const { page, complaints } = await visit(browser, fleet.api.url, { width: WIDTH })
await page.getByLabel('Token').fill(TOKENS.operator)
await page.getByRole('button', { name: 'Log in' }).click()
await wait(20_000)
await goodDay(page)
await badDay(page, fleet)
await onAPhone(fleet)
process.stderr.write(complaints.join('\n'))
await stop()
await browser.close()
await fleet.close()
process.exit(0)

import { type ChildProcess, spawn } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { Poster } from '../../src/webhook/post.ts'
import { until } from '../support/world.ts'
import { SECRET } from './receiver.ts'

const PLAIN = 'a secret of plain text'.replaceAll(' ', '-')
const running: ChildProcess[] = []
afterEach(() => {
  for (const child of running.splice(0)) child.kill('SIGKILL')
})

/** The program as it stands, and what it has printed. */
async function startExample(command: string, file: string, secret: string) {
  const path = fileURLToPath(new URL(`../../examples/webhook/${file}`, import.meta.url))
  const child = spawn(command, [path], {
    env: { PATH: process.env.PATH, PORT: '0', WEBHOOK_SECRET: secret },
    stdio: 'pipe',
  })
  running.push(child)
  let printed = ''
  child.stdout.on('data', (data) => {
    printed += data
  })
  await until(`${file} listens`, () => /listening on \d+/.test(printed))
  const port = /listening on (\d+)/.exec(printed)?.[1]
  return { url: `http://127.0.0.1:${port}/`, printed: () => printed }
}

const body = JSON.stringify({ lookupId: 'lk-1', status: 'enriched', chatRequest: { userName: 'Luíza' } })

describe.each([
  ['node', 'receiver.mjs'],
  ['python3', 'receiver.py'],
])('the example receiver of %s', (command, file) => {
  it.each([SECRET, PLAIN])('takes what is signed, and nothing else', async (secret) => {
    const { url, printed } = await startExample(command, file, secret)
    const signed = { url: () => url, secret: () => secret, timeoutMs: 10_000, userAgent: 'test' }
    const stop = new AbortController().signal
    const poster = new Poster(signed)
    const stranger = new Poster({ ...signed, secret: () => 'another' })
    expect(await poster.post('rs-lk-1', body, stop)).toMatchObject({ outcome: 'delivered', status: 204 })
    await until('it has printed it', () => printed().includes('rs-lk-1 enriched Luíza'))
    expect(await stranger.post('rs-lk-2', body, stop)).toMatchObject({ outcome: 'refused', status: 401 })
    const old = String(Math.floor(Date.now() / 1000) - 3_600)
    const signature = `v1,${createHmac('sha256', PLAIN).update(`rs-lk-3.${old}.${body}`).digest('base64')}`
    const headers = { 'webhook-id': 'rs-lk-3', 'webhook-timestamp': old, 'webhook-signature': signature }
    expect((await fetch(url, { method: 'POST', headers, body })).status).toBe(401)
    expect(printed()).not.toMatch(/rs-lk-[23]/)
    await Promise.all([poster.close(), stranger.close()])
  })
})

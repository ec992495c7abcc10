/**
 * One stand-in process on one core, beside a bare node:http server that says a constant of the same length, asked in the same
 * way in the same run. Counted in answers for each second of the server's own CPU time: on a busy machine the clock on the
 * wall measures the neighbours.
 */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Pool } from 'undici'
import { atLeast, exactly, type Figure } from './report.ts'

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url))
const PATH = '/semp/TPClientWebServicesAPI.asmx'
const ACTION = 'http://tempuri.org/GetChatRequestByConnectionId'
const CONNECTIONS = 32
/** Ticks of /proc; 100 a second on every Linux that Node runs on. */
const TICKS_A_SECOND = 100

const BARE = `
import { createServer } from 'node:http'
const body = 'x'.repeat(Number(process.argv[1]))
const headers = { 'Content-Type': 'text/xml; charset=utf-8', 'Content-Length': body.length }
const server = createServer((request, response) => {
  request.resume().on('end', () => response.writeHead(200, headers).end(body))
}).listen(0, '127.0.0.1', () => console.log('bare: http://127.0.0.1:' + server.address().port + '/'))`

interface Server {
  child: ChildProcess
  origin: string
}

export async function standIn({ seconds }: { seconds: number }): Promise<Figure[]> {
  const service = await start(MAIN, 'stand-in', '--port', '0')
  const sample = await answerOf(service.origin)
  const bare = await start('--input-type=module', '-e', BARE, String(Buffer.byteLength(sample)))
  await load(service, 1)
  await load(bare, 1)
  const bareRun = await load(bare, seconds)
  const run = await load(service, seconds)
  service.child.kill('SIGKILL')
  bare.child.kill('SIGKILL')
  return [
    atLeast('answers a second of CPU time', run.aSecondOfCpu, 3000),
    exactly('answers without a chat', run.wrong, 0),
    figure('answers a second on the wall', run.aSecond),
    figure('bare node:http, a second of CPU time', bareRun.aSecondOfCpu),
    figure('bare node:http, a second on the wall', bareRun.aSecond),
    figure('share of the bare server, by CPU time, %', (run.aSecondOfCpu / bareRun.aSecondOfCpu) * 100),
    figure('bytes of an answer', Buffer.byteLength(sample)),
  ]
}

function figure(what: string, got: number): Figure {
  return { what, got: Math.round(got), bar: '', ok: true }
}

/** On the first core alone, where taskset is at hand. */
async function start(...args: string[]): Promise<Server> {
  const pin = spawnSync('taskset', ['-c', '0', 'true']).status === 0 ? ['taskset', '-c', '0'] : []
  const [program = '', ...all] = [...pin, process.execPath, ...args]
  const child = spawn(program, all, { stdio: ['ignore', 'pipe', 'ignore'] })
  const ended = once(child, 'exit').then(([code]) => Promise.reject(new Error(`${args[0]} ended with ${code}`)))
  const [line] = (await Promise.race([once(child.stdout, 'data'), ended])) as [Buffer]
  ended.catch(() => {}) // killed at the end
  const origin = /http:\/\/[^/]+/.exec(line.toString())?.[0]
  if (!origin) throw new Error(`expected an address, got ${line}`)
  return { child, origin }
}

function envelope(id: string): string {
  return (
    '<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body>' +
    '<GetChatRequestByConnectionId xmlns="http://tempuri.org/"><PublicKey1>key</PublicKey1><EncryptedUser>user</EncryptedUser>' +
    '<EncryptedPassword>password</EncryptedPassword><EncryptedSignature>signature</EncryptedSignature>' +
    `<ChatConnectionIDBD>${id}</ChatConnectionIDBD></GetChatRequestByConnectionId></soap:Body></soap:Envelope>`
  )
}

const HEADERS = { 'content-type': 'text/xml; charset=utf-8', soapaction: `"${ACTION}"` }

async function answerOf(origin: string): Promise<string> {
  return (await fetch(origin + PATH, { method: 'POST', headers: HEADERS, body: envelope('1') })).text()
}

/** Asks as fast as it is answered, each time for another chat. */
async function load({ child, origin }: Server, seconds: number) {
  const pool = new Pool(origin, { connections: CONNECTIONS })
  const cpuBefore = cpuSeconds(child)
  const began = performance.now()
  const until = began + seconds * 1000
  let answers = 0
  let wrong = 0
  const ask = async () => {
    while (performance.now() < until) {
      const body = envelope(`chat-${answers}`)
      const answer = await pool.request({ method: 'POST', path: PATH, headers: HEADERS, body })
      if (!(await answer.body.text()).includes('<IdRequest>')) wrong++
      answers++
    }
  }
  await Promise.all(Array.from({ length: CONNECTIONS }, ask))
  const wall = (performance.now() - began) / 1000
  const cpu = cpuBefore === null ? wall : (cpuSeconds(child) ?? 0) - cpuBefore
  await pool.close()
  return { aSecond: answers / wall, aSecondOfCpu: answers / cpu, wrong }
}

/** User and system time of all threads; null where there is no /proc. taskset becomes the server: the id is the same. */
function cpuSeconds(child: ChildProcess): number | null {
  try {
    const fields = readFileSync(`/proc/${child.pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')
    return (Number(fields[11]) + Number(fields[12])) / TICKS_A_SECOND
  } catch {
    return null
  }
}

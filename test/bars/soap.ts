/** The SOAP client against hostile answers: time without a turn of the event loop, memory, and nothing wrongly enriched. */

import { spawn } from 'node:child_process'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { VARIABLES } from '../../src/config/table.ts'
import { readBody } from '../../src/soap/evidence.ts'
import { httpAnswer, recording } from '../recordings/recording.ts'
import { heldBytes } from '../soap/heap.ts'
import { corpus, enrichedOtherwise, mutated } from '../soap/mutations.ts'
import { atMost, exactly, type Figure } from './report.ts'
import { SHAPES } from './soap-shapes.ts'

const MEBI = 1_048_576
const LARGEST = Number(/to (\d+)$/.exec(VARIABLES.soapMaxResponseBytes.expected)?.[1])

export async function soap({ megabytes }: { megabytes: number }): Promise<Figure[]> {
  return [
    ...longestTurn(MEBI),
    ...longestTurn(LARGEST),
    ...changedAnswers(megabytes * 1_000_000),
    ...(await memoryOfLargeAnswers()),
  ]
}

/** Reading is one turn of the event loop. Of three reads the fastest: the others may have shared their core. */
function longestTurn(size: number): Figure[] {
  const turns = Object.entries(SHAPES).map(([name, make]) => {
    const answer = httpAnswer(make(size))
    return { name, ms: Math.min(...[1, 2, 3].map(() => readingTime(answer))) }
  })
  const worst = turns.reduce((most, turn) => (turn.ms > most.ms ? turn : most))
  const what = `longest turn of ${turns.length} shapes, ${size / MEBI} MiB, ms`
  return [atMost(what, worst.ms, 100), { what: '  which was', got: worst.name, bar: '', ok: true }]
}

function readingTime(answer: ReturnType<typeof httpAnswer>): number {
  const startedAt = performance.now()
  readBody(answer)
  return performance.now() - startedAt
}

function changedAnswers(total: number): Figure[] {
  const seeds = corpus()
  const counts = { enriched: 0, refused: 0, wrong: 0 }
  let early = 0
  for (let seed = 1, bytes = 0; bytes < total; seed++) {
    const answer = mutated(seeds, seed)
    bytes += answer.length
    counts[enrichedOtherwise(answer)] += 1
    if (early === 0 && bytes > total / 4) early = heldBytes()
  }
  return [
    exactly(`wrongly enriched in ${total / 1e6} MB of changed answers`, counts.wrong, 0),
    {
      what: '  rightly enriched, refused',
      got: `${counts.enriched}, ${counts.refused}`,
      bar: '',
      ok: counts.enriched > 0,
    },
    atMost('  heap held more at the end than at a quarter, MB', (heldBytes() - early) / 1e6, 2),
  ]
}

/** A process of its own asks 100 ids of a server here, and keeps the outcomes. */
const CLIENT = `
import { DEFAULTS, SoapClient } from '${new URL('../../dist/soap/index.js', import.meta.url)}'
const credentials = { publicKey1: 'a', encryptedUser: 'b', encryptedPassword: 'c', encryptedSignature: 'd' }
const client = new SoapClient({ ...DEFAULTS, endpoint: process.argv[1], credentials: () => credentials, maxSockets: 4 })
const kept = []
const lookups = async (from, count) => {
  for (let i = 0; i < count; i++) kept.push(await client.lookup(String(from + i)))
}
await lookups(0, 10)
const before = process.memoryUsage().rss
let most = before
const watch = setInterval(() => { most = Math.max(most, process.memoryUsage().rss) }, 5)
await Promise.all([0, 25, 50, 75].map((from) => lookups(from, 25)))
clearInterval(watch)
await client.close()
const enriched = kept.filter(({ status }) => status === 'enriched').length
console.log(JSON.stringify({ before, most, after: process.memoryUsage().rss, enriched }))
`

async function memoryOfLargeAnswers(): Promise<Figure[]> {
  const large = recording('ok-soap11.res')
    .body.toString()
    .replace('</ChatRequest>', `<Photo>${'x'.repeat(MEBI - 2_000)}</Photo></ChatRequest>`)
  const server = createServer((request, response) => {
    request.resume().on('end', () => response.writeHead(200, { 'content-type': 'text/xml' }).end(large))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/x.asmx`
  const child = spawn(process.execPath, ['--input-type=module', '-e', CLIENT, url], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  for await (const data of child.stdout) text += data
  server.close()
  server.closeAllConnections()
  const { before, most, after, enriched } = JSON.parse(text) as Record<'before' | 'most' | 'after' | 'enriched', number>
  return [
    exactly('lookups with answers of 1 MiB, 4 at once, enriched', enriched, 110),
    atMost('RSS over 100 of them, MB', (after - before) / 1e6, 30),
    { what: '  at most meanwhile, MB', got: Math.round((most - before) / 1e6), bar: '', ok: true },
  ]
}

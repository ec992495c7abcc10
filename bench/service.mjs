/**
 * The service of a benchmark: a bare HTTP server that gives recorded answers, no two alike in their texts, after LATENCY_MS,
 * give or take LATENCY_SPREAD of that. An exact latency would keep lookups that are answered together together for ever.
 */
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'

const latencyMs = Number(process.env.LATENCY_MS ?? 0)
const spread = Number(process.env.LATENCY_SPREAD ?? 0.3)
const DIFFERENT = 509

const recording = readFileSync(new URL('../test/recordings/ok-soap11.res.http', import.meta.url), 'utf8')
const envelope = recording.slice(recording.indexOf('<?xml'))
const names = ['Maria', 'José', 'Ana Lúcia', 'João', 'Wu', 'Maximiliana']
const bodies = Array.from({ length: DIFFERENT }, (_, i) =>
  Buffer.from(
    envelope
      .replaceAll('12345', String(10_000 + i * 37))
      .replace('>Maria<', `>${names[i % names.length]}<`)
      .replace('10:46:15', `10:${String(10 + (i % 50))}:15`),
  ),
)

let answered = 0
const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
  const answer = () => {
    const body = bodies[answered++ % DIFFERENT]
    response.writeHead(200, { 'Content-Type': 'text/xml; charset=utf-8', 'Content-Length': body.length }).end(body)
  }
  request.resume().on('end', () => {
    if (latencyMs === 0) answer()
    else setTimeout(answer, latencyMs * (1 - spread + 2 * spread * Math.random()))
  })
})
server.listen(0, '127.0.0.1', () =>
  console.log(`http://127.0.0.1:${server.address().port}/TPClientWebServicesAPI.asmx`),
)

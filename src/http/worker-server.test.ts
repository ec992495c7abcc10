import { once } from 'node:events'
import { connect } from 'node:net'
import { describe, expect, it } from 'vitest'
import { serveWorker } from './worker-server.ts'

const app = {
  health: {
    liveness: () => ({ live: true, reasons: [] }),
    readiness: () => ({ ready: false, reasons: ['stopping'] }),
  },
  metrics: { contentType: 'text/plain; version=0.0.4; charset=utf-8', text: async () => 'up 1 é\n' },
}
const ANYWHERE = { host: '127.0.0.1', port: 0 }

async function asked(url: string, method = 'GET') {
  const answer = await fetch(url, { method })
  return [answer.status, answer.headers.get('content-type'), await answer.text()]
}

it('answers its three routes, to GET and HEAD, whatever stands behind the path; 404 to anything else', async () => {
  const server = await serveWorker(app, ANYWHERE)
  const json = 'application/json; charset=utf-8'
  expect(await asked(`${server.url}/livez`)).toEqual([200, json, '{"live":true,"reasons":[]}'])
  expect(await asked(`${server.url}/readyz?a`)).toEqual([503, json, '{"ready":false,"reasons":["stopping"]}'])
  expect(await asked(`${server.url}/metrics`)).toEqual([200, app.metrics.contentType, 'up 1 é\n'])
  expect(await asked(`${server.url}/metrics`, 'HEAD')).toEqual([200, app.metrics.contentType, ''])
  for (const [path, method] of [
    ['/', 'GET'],
    ['/metrics/x', 'GET'],
    ['/metrics', 'POST'],
    ['/v1/status', 'GET'],
  ])
    expect((await asked(`${server.url}${path}`, method))[0]).toBe(404)
  await server.close()
})

it('answers 500 where the metrics cannot be made, and goes on', async () => {
  const metrics = { ...app.metrics, text: () => Promise.reject(new Error('canary')) }
  const server = await serveWorker({ ...app, metrics }, ANYWHERE)
  const [status, , text] = await asked(`${server.url}/metrics`)
  expect([status, text]).toEqual([500, '{"error":"Internal Server Error"}'])
  expect((await asked(`${server.url}/livez`))[0]).toBe(200)
  await server.close()
})

it('closes at once, though a scraper keeps its connection; a port that is taken is told', async () => {
  const server = await serveWorker(app, ANYWHERE)
  const port = Number(new URL(server.url).port)
  await expect(serveWorker(app, { ...ANYWHERE, port })).rejects.toMatchObject({ code: 'EADDRINUSE' })
  const socket = connect(port, '127.0.0.1')
  socket.write('GET /livez HTTP/1.1\r\nHost: a\r\n\r\n')
  await once(socket, 'data')
  await Promise.all([once(socket, 'close'), server.close()])
})

describe('a client that asks on before it is answered', () => {
  const askedTogether = (server: { url: string }, count: number) => {
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1').setEncoding('utf8')
    const all = Array.from(
      { length: count },
      (_, n) => `GET /${n % 2 ? 'livez' : 'metrics'} HTTP/1.1\r\nHost: a\r\n\r\n`,
    )
    socket.write(all.join(''))
    return socket
  }

  it('is answered in order, and each is looked at when the one before has its answer', async () => {
    let [now, most] = [0, 0]
    const text = async () => {
      most = Math.max(most, ++now)
      await new Promise(setImmediate)
      now--
      return 'up 1\n'
    }
    const server = await serveWorker({ ...app, metrics: { ...app.metrics, text } }, ANYWHERE)
    const socket = askedTogether(server, 6)
    let got = ''
    socket.on('data', (data) => {
      got += data
    })
    await expect.poll(() => got.match(/up 1|"live":true/g)).toEqual(Array(3).fill(['up 1', '"live":true']).flat())
    expect(most).toBe(1)
    await server.close()
  })

  it('of hundreds loses its connection, and no one else does', async () => {
    let texts = 0
    const text = () => new Promise<never>(() => void texts++)
    const server = await serveWorker({ ...app, metrics: { ...app.metrics, text } }, ANYWHERE)
    await once(askedTogether(server, 300), 'close')
    expect(texts).toBe(1)
    expect((await asked(`${server.url}/livez`))[0]).toBe(200)
    await server.close()
  })
})

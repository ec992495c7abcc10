import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterEach, expect, it } from 'vitest'
import { onBrokenOff } from './broken-off.ts'

let server: Server
afterEach(() => server.close())

/** Answers with so many bytes at once, and with a code when the body comes to no end. */
async function serve(bytes: number) {
  const codes: string[] = []
  server = createServer((asked, answer) => {
    asked.resume()
    answer.write('a'.repeat(bytes))
    onBrokenOff(asked, answer, ({ code }) => {
      codes.push(code)
      answer.end(code)
    })
  })
  server.timeout = 200
  const closed = once(server, 'connection').then(([socket]) => once(socket, 'close'))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const sending = request({ port, method: 'POST', agent: false })
  sending.on('error', () => {})
  sending.write('some')
  const [answer] = (await once(sending, 'response')) as [IncomingMessage]
  return { codes, answer, closed }
}

it('a pause of the body is told to its reader, who ends the answer', async () => {
  const { answer } = await serve(1)
  expect(await text(answer)).toBe('arequest-stalled')
})

it('whoever takes no answers is cut', async () => {
  const { codes, answer, closed } = await serve(50_000_000)
  answer.on('error', () => {})
  await closed
  expect([codes, answer.complete]).toEqual([[], false])
  answer.destroy()
})

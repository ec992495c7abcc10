// A receiver of webhooks that checks the signature: node receiver.mjs. Needs Node alone.
import { createHmac, timingSafeEqual } from 'node:crypto'
import { createServer } from 'node:http'

const secret = process.env.WEBHOOK_SECRET ?? ''
const key = secret.startsWith('whsec_') ? Buffer.from(secret.slice(6), 'base64') : Buffer.from(secret)
const OLDEST_SECONDS = 300 // an older message may have been recorded and sent again

function isSigned(headers, body) {
  const { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures = '' } = headers
  if (!(Math.abs(Date.now() / 1000 - Number(timestamp)) < OLDEST_SECONDS)) return false
  const expected = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest()
  return signatures.split(' ').some((signature) => {
    const given = Buffer.from(signature.replace(/^v1,/, ''), 'base64')
    return given.length === expected.length && timingSafeEqual(given, expected)
  })
}

const server = createServer(async (request, response) => {
  let body = ''
  for await (const chunk of request.setEncoding('utf8')) body += chunk
  if (!isSigned(request.headers, body)) return response.writeHead(401).end()
  const result = JSON.parse(body)
  console.log(request.headers['webhook-id'], result.status, result.chatRequest?.userName) // yours: upsert on webhook-id
  response.writeHead(204).end() // only now does the result leave the queue
})
server.listen(process.env.PORT ?? 8000, '127.0.0.1', () => console.log(`listening on ${server.address().port}`))

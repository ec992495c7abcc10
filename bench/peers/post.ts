/** A part of the floor: the POST alone, by undici, its answer read and thrown away. Prints the CPU that one cost, µs. */

import { Pool } from 'undici'

const endpoint = new URL(process.env.SOAP_ENDPOINT ?? '')
const pool = new Pool(endpoint.origin)
const HEADERS = {
  'content-type': 'text/xml; charset=utf-8',
  soapaction: '"http://tempuri.org/GetChatRequestByConnectionId"',
}
const body = 'x'.repeat(635)
const ask = async (times: number) => {
  for (let i = 0; i < times; i++) {
    const answer = await pool.request({ method: 'POST', path: endpoint.pathname, headers: HEADERS, body })
    await answer.body.bytes()
  }
}
const all = (calls: number) => {
  const slots = Number(process.env.CONCURRENCY)
  return Promise.all(Array.from({ length: slots }, () => ask(Math.ceil(calls / slots))))
}
await all(Number(process.env.WARM_UP))
const before = process.cpuUsage()
await all(Number(process.env.CALLS))
const { user, system } = process.cpuUsage(before)
console.log(`us ${(user + system) / Number(process.env.CALLS)}`)
await pool.close()

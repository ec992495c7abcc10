/**
 * With `node --import`: host names have the address that stands in the file ADDRESS_FILE, and so many milliseconds more than
 * is true have passed on this process's monotonic clock: `127.0.0.1 0`.
 */

import dns from 'node:dns'
import { readFileSync } from 'node:fs'

const read = () =>
  readFileSync(process.env.ADDRESS_FILE ?? '', 'utf8')
    .trim()
    .split(' ')

const { lookup } = dns
dns.lookup = Object.assign((host, options, callback) => {
  if (!host.endsWith('.example')) return lookup(host, options, callback)
  const [address] = read()
  const done = typeof options === 'function' ? options : callback
  if (options?.all) return process.nextTick(done, null, [{ address, family: 4 }])
  return process.nextTick(done, null, address, 4)
}, lookup)

const now = performance.now.bind(performance)
performance.now = () => now() + Number(read()[1])

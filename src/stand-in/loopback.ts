/** Which callers are on this machine. The service offers some things to them alone, and so does the stand-in. */

import { BlockList, isIP, isIPv6 } from 'node:net'

const LOOPBACK = new BlockList()
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4')
LOOPBACK.addAddress('::1', 'ipv6')

/** Names of this machine in a Host header, whatever the port. Another name may be any web site's that points to this machine. */
export function isLoopbackHost(host: string | undefined): boolean {
  const url = `http://${host}`
  if (host === undefined || !URL.canParse(url)) return false
  const { hostname } = new URL(url)
  return hostname === 'localhost' || isLoopback(hostname.replace(/^\[|\]$/g, ''))
}

/** Takes a socket's remote address, also where IPv6 carries IPv4 (`::ffff:127.0.0.1`). A closed socket has none. */
export function isLoopback(address: string | undefined): boolean {
  return address !== undefined && isIP(address) !== 0 && LOOPBACK.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')
}

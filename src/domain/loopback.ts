/** Which hosts are this machine itself. */

import { BlockList, isIP, isIPv6 } from 'node:net'

const LOOPBACK = new BlockList()
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4')
LOOPBACK.addAddress('::1', 'ipv6')

/** A name or an address, without a port. */
export function isLoopbackAddress(host: string): boolean {
  const bare = host.replace(/^\[|\]$/g, '').toLowerCase()
  return bare === 'localhost' || (isIP(bare) !== 0 && LOOPBACK.check(bare, isIPv6(bare) ? 'ipv6' : 'ipv4'))
}

/** A Host header, whatever its port. Any other name may be a web site's that points to this machine. */
export function isLoopbackHost(header: string | undefined): boolean {
  const url = `http://${header}`
  return header !== undefined && URL.canParse(url) && isLoopbackAddress(new URL(url).hostname)
}

/** TLS before a server that speaks none. Its certificate can be changed while it runs. */

import { once } from 'node:events'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { createServer } from 'node:tls'
import type { Issued } from './authority.ts'

export interface TlsFront {
  port: number
  /** Ends all connections; who comes again sees this one. */
  show(certificate: Issued): void
  close(): void
}

export async function startTlsFront(behind: number, certificate: Issued): Promise<TlsFront> {
  const open = new Set<Socket>()
  const server = createServer(certificate, (client) => {
    const service = connect(behind, '127.0.0.1')
    for (const [one, other] of [
      [client, service],
      [service, client],
    ] as const) {
      open.add(one.on('error', () => {}))
      one.once('close', () => {
        open.delete(one)
        other.destroy()
      })
      one.pipe(other)
    }
  }).on('tlsClientError', () => {})
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const end = () => {
    for (const socket of open) socket.destroy()
  }
  return {
    port: (server.address() as AddressInfo).port,
    show: (next) => {
      server.setSecureContext(next)
      end()
    },
    close: () => {
      server.close()
      end()
    },
  }
}

/** A TCP proxy that a worker speaks to Redis through: it can refuse, cut, delay, and lose what goes one way. */

import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

export type Direction = 'to-server' | 'to-client'

/** One connection through the proxy. */
export interface Link {
  /** Resets both ends. */
  cut(): void
  /** From now on, nothing that comes this way is passed on. */
  lose(direction: Direction): void
}

export interface TcpProxy {
  port: number
  /** Passed on so much later, ms; both ways. */
  delayMs: number
  /** Loses what goes this way, on every connection that there is and will be; null: nothing. */
  losing: Direction | null
  /** Connections that were made, or tried while it refused none. */
  readonly connections: number
  /** Black hole: the connections that there are now pass nothing on any more, and stay open. New ones are well. */
  loseOnPresentLinks(): void
  /** Sees what passes, before it is passed on. */
  watch: ((text: string, direction: Direction, link: Link) => void) | null
  /** Resets every connection. */
  cut(): void
  /** Takes no connections, until `accept`. */
  refuse(): Promise<void>
  accept(): Promise<void>
  close(): Promise<void>
}

export async function startProxy(target: { port: number }): Promise<TcpProxy> {
  const links = new Set<Link>()
  let connections = 0
  const server = createServer((client) => {
    connections++
    links.add(join(client, target.port, proxy, links))
  })
  await listen(server, 0)
  const { port } = server.address() as AddressInfo
  const cut = () => {
    for (const link of links) link.cut()
  }
  const refuse = async () => {
    if (!server.listening) return
    const closed = once(server, 'close')
    server.close()
    cut()
    await closed
  }
  const proxy: TcpProxy = {
    port,
    delayMs: 0,
    losing: null,
    watch: null,
    get connections() {
      return connections
    },
    loseOnPresentLinks: () => {
      for (const link of links) for (const direction of ['to-server', 'to-client'] as const) link.lose(direction)
    },
    cut,
    refuse,
    accept: async () => {
      if (!server.listening) await listen(server, port)
    },
    close: refuse,
  }
  return proxy
}

function join(client: Socket, targetPort: number, proxy: TcpProxy, links: Set<Link>): Link {
  const server = connect(targetPort, '127.0.0.1')
  const lost = new Set<Direction>()
  const link: Link = {
    cut: () => {
      for (const socket of [client, server]) socket.resetAndDestroy()
    },
    lose: (direction) => void lost.add(direction),
  }
  for (const socket of [client, server]) {
    socket.setNoDelay(true)
    socket.on('error', () => {})
    socket.once('close', () => {
      links.delete(link)
      client.destroy()
      server.destroy()
    })
  }
  const pass = (from: Socket, to: Socket, direction: Direction) => {
    const later = inOrder((data) => to.write(data))
    from.on('data', (data) => {
      proxy.watch?.(data.toString('latin1'), direction, link)
      if (lost.has(direction) || proxy.losing === direction) return
      later(data, proxy.delayMs)
    })
  }
  pass(client, server, 'to-server')
  pass(server, client, 'to-client')
  return link
}

/** However the delay changes, what came first goes first. */
function inOrder(write: (data: Buffer) => void): (data: Buffer, delayMs: number) => void {
  const waiting: { data: Buffer; at: number }[] = []
  const next = () => {
    const [first] = waiting
    if (!first) return
    const left = first.at - performance.now()
    if (left > 0) return void setTimeout(next, left)
    waiting.shift()
    write(first.data)
    next()
  }
  return (data, delayMs) => {
    waiting.push({ data, at: performance.now() + delayMs })
    if (waiting.length === 1) next()
  }
}

async function listen(server: Server, port: number): Promise<void> {
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
}

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
  /**
   * Loses what goes this way, on every connection that there is and will be; null: nothing. One that has lost something
   * passes nothing that way any more: TCP knows no gaps.
   */
  losing: Direction | null
  /** Taken so far, whatever became of them. */
  readonly connections: number
  /** Loses what goes this way for good, on every connection that there is; new ones are well. */
  lose(direction: Direction): void
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
    lose: (direction) => {
      for (const link of links) link.lose(direction)
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
    let outstanding = 0
    let before = Promise.resolve()
    const passLater = (data: Buffer, due: number) => {
      outstanding++
      before = before.then(async () => {
        await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - performance.now())))
        outstanding--
        to.write(data)
      })
    }
    from.on('data', (data) => {
      proxy.watch?.(data.toString('latin1'), direction, link)
      if (proxy.losing === direction) lost.add(direction)
      if (lost.has(direction)) return
      // Nothing overtakes what is still on its way.
      if (proxy.delayMs === 0 && outstanding === 0) to.write(data)
      else passLater(data, performance.now() + proxy.delayMs)
    })
  }
  pass(client, server, 'to-server')
  pass(server, client, 'to-client')
  return link
}

async function listen(server: Server, port: number): Promise<void> {
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
}

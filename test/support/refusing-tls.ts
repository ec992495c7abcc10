/** OpenSSL's own TLS server, which refuses client certificates by an alert: with TLS 1.3, after the handshake. Node's has none. */

import { spawn } from 'node:child_process'

export interface RefusingServer {
  port: number
  close(): void
}

/** `cert` and `key` are its own, `ca` what it trusts; names of files. */
export async function startRefusingServer(files: { cert: string; key: string; ca: string }): Promise<RefusingServer> {
  const own = ['-cert', files.cert, '-key', files.key, '-CAfile', files.ca, '-tls1_3']
  const args = ['s_server', '-accept', '127.0.0.1:0', ...own, '-Verify', '1', '-verify_return_error']
  const child = spawn('openssl', args, { stdio: ['pipe', 'pipe', 'ignore'] })
  process.once('exit', () => child.kill('SIGKILL'))
  const port = await new Promise<number>((resolve, reject) => {
    let said = ''
    child.stdout.on('data', (data) => {
      said += data
      const accepts = /^ACCEPT .*:(\d+)/m.exec(said)
      if (accepts) resolve(Number(accepts[1]))
    })
    child.once('exit', () => reject(new Error(`openssl s_server ended: ${said}`)))
  })
  return { port, close: () => void child.kill('SIGKILL') }
}

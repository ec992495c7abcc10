/** An authority of a test's own, and certificates of it, made by openssl. */

import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface Issued {
  key: string
  cert: string
}

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']

export class Authority {
  /** Its certificate. */
  readonly file: string
  readonly cert: string
  readonly #folder: string
  readonly #name: string

  constructor(folder: string, name = 'authority') {
    this.#folder = folder
    this.#name = name
    this.file = this.#path(`${name}.crt`)
    const names = ['-subj', `/CN=${name}`, '-addext', 'basicConstraints=critical,CA:TRUE']
    const out = ['-keyout', this.#path(`${name}.key`), '-out', this.file]
    this.#openssl('req', '-x509', ...NEW_KEY, '-days', '30', ...names, ...out)
    this.cert = readFileSync(this.file, 'utf8')
  }

  /** `days` from now on; -1: it has expired. `host` as openssl writes it in a subjectAltName. */
  issue(name: string, { days = 30, host = 'IP:127.0.0.1' } = {}): Issued {
    const [key, request, cert, extensions] = ['key', 'csr', 'crt', 'ext'].map((end) =>
      this.#path(`${name}.${end}`),
    ) as [string, string, string, string]
    writeFileSync(extensions, `subjectAltName=${host}\n`)
    this.#openssl('req', ...NEW_KEY, '-subj', `/CN=${name}`, '-keyout', key, '-out', request)
    const by = ['-CA', this.file, '-CAkey', this.#path(`${this.#name}.key`), '-CAcreateserial']
    this.#openssl('x509', '-req', '-in', request, ...by, '-days', String(days), '-extfile', extensions, '-out', cert)
    return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') }
  }

  #path(name: string): string {
    return join(this.#folder, name)
  }

  #openssl(...args: string[]): void {
    execFileSync('openssl', args, { stdio: 'ignore' })
  }
}

/** The signature of Standard Webhooks (standardwebhooks.com): HMAC-SHA256 over `id.timestamp.body`. */

import { createHmac } from 'node:crypto'

const ENCODED = 'whsec_'

/** The key of the signature: `whsec_` and base64, or the text itself. Throws, without a word of it, if it is no key. */
export function keyOf(secret: string): Buffer {
  if (!secret.startsWith(ENCODED)) return Buffer.from(secret)
  const encoded = secret.slice(ENCODED.length)
  const key = Buffer.from(encoded, 'base64')
  if (key.length === 0 || key.toString('base64').replace(/=+$/, '') !== encoded.replace(/=+$/, ''))
    throw new Error(`expected base64 behind ${ENCODED}, got something else`)
  return key
}

/** `timestamp` in seconds since 1970. */
export function signatureOf(secret: string, id: string, timestamp: number, body: string): string {
  return `v1,${createHmac('sha256', keyOf(secret)).update(`${id}.${timestamp}.${body}`).digest('base64')}`
}

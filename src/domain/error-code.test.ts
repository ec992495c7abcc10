import { expect, it } from 'vitest'
import { isErrorCode } from './error-code.ts'

it.each([
  ['ECONNREFUSED', true],
  ['UND_ERR_SOCKET', true],
  ['HTTPParserError', true],
  ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', true],
  ['ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE', true],
  ['', false],
  ['CN=customer', false],
  ['/etc/ssl/key.pem', false],
  ['connect ECONNREFUSED 10.0.0.1', false],
  ['E'.repeat(65), false],
  [404, false],
  [undefined, false],
])('%j as a code: %s', (text, is) => {
  expect(isErrorCode(text)).toBe(is)
})

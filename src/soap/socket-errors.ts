/** Error codes of Node, OpenSSL and the HTTP client, by what they say about the connection. */

/**
 * The `code` of an error or of its cause; if neither has one (the HTTP client's parser errors), its name. Never its
 * class, because that differs between copies of a library.
 */
export function errorCode(error: unknown): string {
  const { code, cause, name } = Object(error) as { code?: unknown; cause?: unknown; name?: unknown }
  if (typeof code === 'string') return code
  return cause === undefined ? String(name ?? '') : errorCode(cause)
}

/** A certificate of either side is refused, or the two sides cannot agree on TLS: somebody has to mend it. */
const CERTIFICATE_CODES: ReadonlySet<string> = new Set([
  'CERT_CHAIN_TOO_LONG',
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'CERT_REJECTED',
  'CERT_REVOKED',
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
  'CRL_HAS_EXPIRED',
  'CRL_NOT_YET_VALID',
  'CRL_SIGNATURE_FAILURE',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'ERROR_IN_CERT_NOT_AFTER_FIELD',
  'ERROR_IN_CERT_NOT_BEFORE_FIELD',
  'ERR_TLS_CERT_ALTNAME_FORMAT',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'HOSTNAME_MISMATCH',
  'INVALID_CA',
  'INVALID_PURPOSE',
  'PATH_LENGTH_EXCEEDED',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY',
  'UNABLE_TO_DECRYPT_CERT_SIGNATURE',
  'UNABLE_TO_GET_CRL',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
])

export function isTlsCode(code: string): boolean {
  // A damaged TLS record is the network's fault, not the configuration's.
  if (code.endsWith('BAD_RECORD_MAC')) return false
  // ERR_SSL_: alerts and versions of the handshake. ERR_OSSL_: our own certificate or key cannot be used.
  return CERTIFICATE_CODES.has(code) || code.startsWith('ERR_SSL_') || code.startsWith('ERR_OSSL_') || code === 'EPROTO'
}

export function isDnsCode(code: string): boolean {
  return code.startsWith('EAI_') || ['ENOTFOUND', 'ENODATA', 'ESERVFAIL', 'ETIMEOUT', 'EREFUSED'].includes(code)
}

const CONNECT_CODES: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
  'ENETDOWN',
  'EADDRNOTAVAIL',
  'EACCES',
  'EPERM',
  'EMFILE',
  'ENFILE',
  'ENOBUFS',
  'ETIMEDOUT',
  'UND_ERR_CONNECT_TIMEOUT',
])

export function isConnectCode(code: string): boolean {
  return CONNECT_CODES.has(code)
}

export function isTimeoutCode(code: string): boolean {
  return ['CALL_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT'].includes(code)
}

/** What came back is not HTTP. */
export function isProtocolCode(code: string): boolean {
  return code.startsWith('HPE_') || ['HTTPParserError', 'UND_ERR_HEADERS_OVERFLOW'].includes(code)
}

export function isResetCode(code: string): boolean {
  return ['ECONNRESET', 'ECONNABORTED', 'EPIPE', 'ENOTCONN', 'UND_ERR_SOCKET'].includes(code)
}

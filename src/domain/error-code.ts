/**
 * Whether it is a code as Node, OpenSSL or a client of theirs gives one; other texts may be somebody's, and are not shown.
 * OpenSSL 3.2 and newer has ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE.
 */
export function isErrorCode(text: unknown): text is string {
  return typeof text === 'string' && /^[A-Za-z][\w/]{1,63}$/.test(text)
}

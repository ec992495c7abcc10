/** Why a service cannot be reached, by the code that Node, OpenSSL or the HTTP client gave, and what to do. */

import type { ConfigOf } from '../config/config.ts'
import { isErrorCode } from '../domain/error-code.ts'
import { type Check, type Finding, fail } from '../fleet/finding.ts'
import { isProxied } from '../soap/proxy.ts'
import { isDnsCode } from '../soap/socket-errors.ts'
import { type SoapConfig, soapSettings } from './soap-settings.ts'

type Row = [fits: (code: string) => boolean, check: Check, says: string, cure: string]

const is = (pattern: RegExp) => (code: string) => pattern.test(code)

const OLD_TLS =
  "have its owner allow TLS 1.2; until then, for these processes alone, NODE_OPTIONS='--tls-min-v1.0 " +
  "--tls-cipher-list=DEFAULT@SECLEVEL=0' (docs/configuration.md, a service that speaks only old TLS)"

/** The first row that fits. */
const ROWS: readonly Row[] = [
  [
    is(/^PROXY_REFUSED$/),
    'service-reached',
    'the proxy lets us not through',
    'set user and password in HTTPS_PROXY or HTTP_PROXY, have it allow the host, or name the host in NO_PROXY',
  ],
  [
    is(/^CERT_HAS_EXPIRED$/),
    'service-tls',
    'its certificate has expired',
    'have its owner renew it; see that the clock of this machine is right',
  ],
  [
    is(/^CERT_NOT_YET_VALID$/),
    'service-tls',
    'its certificate is not valid yet',
    'see that the clock of this machine is right',
  ],
  [
    is(/ALTNAME|HOSTNAME/),
    'service-tls',
    'its certificate is made out to another host',
    'set SOAP_ENDPOINT to a host that stands in the certificate',
  ],
  [
    is(/SELF_SIGNED|UNABLE_TO|CERT_UNTRUSTED|INVALID_CA/),
    'service-tls',
    'its certificate is of an authority that is not trusted here',
    'set SOAP_CA_FILE to the authority, with all that stands between',
  ],
  [
    is(
      /UNSUPPORTED_PROTOCOL|PROTOCOL_VERSION|NO_PROTOCOLS|LEGACY|DH_KEY_TOO_SMALL|EE_KEY_TOO_SMALL|CA_MD_TOO_WEAK|NO_SHARED_CIPHER|HANDSHAKE_FAILURE/,
    ),
    'service-tls',
    'it speaks TLS that is too old',
    OLD_TLS,
  ],
  [
    is(/WRONG_VERSION_NUMBER|PACKET_LENGTH|HTTP_REQUEST/),
    'service-tls',
    'the port speaks no TLS',
    'take http:// in SOAP_ENDPOINT, or the port with TLS',
  ],
  [
    is(/^ERR_SSL_.*ALERT/),
    'service-tls',
    'it refuses our client certificate, or wants one',
    'set SOAP_CLIENT_CERT_FILE and SOAP_CLIENT_KEY_FILE to what its owner trusts',
  ],
  [
    is(/^ERR_OSSL|^SETTINGS_UNREADABLE$/),
    'service-tls',
    'our certificate or key cannot be used',
    'check that SOAP_CA_FILE, SOAP_CLIENT_CERT_FILE and SOAP_CLIENT_KEY_FILE are PEM, and that key and certificate belong together',
  ],
  [is(/^ERR_SSL|^EPROTO$/), 'service-tls', 'there is no TLS that both sides speak', OLD_TLS],
  [
    isDnsCode,
    'service-reached',
    'its name is not known here',
    'correct the host in SOAP_ENDPOINT, or the DNS of this machine',
  ],
  [
    is(/^ECONNREFUSED$/),
    'service-reached',
    'nothing listens there',
    'correct host and port in SOAP_ENDPOINT, or have it started',
  ],
  [
    is(/HPE_|HTTPParserError/),
    'service-reached',
    'what it says is no HTTP',
    'take https:// in SOAP_ENDPOINT if the port speaks TLS',
  ],
  [
    is(/TIMEOUT|TIMEDOUT|UNREACH/),
    'service-reached',
    'it does not answer in time',
    'check host, port and the firewall between; HTTPS_PROXY, if there is a proxy',
  ],
  [
    () => true,
    'service-reached',
    'the connection breaks',
    'take https:// in SOAP_ENDPOINT if the port speaks TLS; see the log of the service',
  ],
]

const isConnecting = (code: string) => isDnsCode(code) || code === 'ECONNREFUSED'

export function unanswered(code: string, config: SoapConfig & ConfigOf<'soap'>): Finding {
  const [, check, says, cure] = ROWS.find(([fits]) => fits(code)) as Row
  const { endpoint, proxy } = soapSettings(config)
  const isByProxy = isProxied(endpoint, proxy ?? {})
  const way = isByProxy ? ' (through the proxy)' : ''
  const named = isErrorCode(code) ? ` (${code})` : ''
  // What cannot be connected to is the proxy then; it says of the service what it finds by a status.
  const place = isByProxy ? cure.replace('SOAP_ENDPOINT', 'HTTPS_PROXY or HTTP_PROXY') : cure
  return fail(check, `the service is not reached${way}: ${says}${named}`, isConnecting(code) ? place : cure)
}

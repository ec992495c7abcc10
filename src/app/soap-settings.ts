/** The SOAP client's settings, from the Config. */

import type { ConfigOf } from '../config/config.ts'
import { CodeMeanings } from '../domain/response-codes.ts'
import type { SoapSettings } from '../soap/client.ts'

export type SoapConfig = ConfigOf<'endpoint' | 'soap' | 'calls'>

/** `calls`: the most that are made at one time. */
export function soapSettings(config: SoapConfig, calls = 1): SoapSettings & { codes: CodeMeanings } {
  const { soapCaFile, soapClientCertFile, soapClientKeyFile } = config
  const secret = (read: (() => string) | null) => read?.() ?? ''
  return {
    endpoint: config.soapEndpoint ?? '',
    version: config.soapVersion,
    credentials: () => ({
      publicKey1: secret(config.soapPublicKey1),
      encryptedUser: secret(config.soapEncryptedUser),
      encryptedPassword: secret(config.soapEncryptedPassword),
      encryptedSignature: secret(config.soapEncryptedSignature),
    }),
    callTimeoutMs: config.soapCallTimeoutMs,
    connectTimeoutMs: config.soapConnectTimeoutMs,
    maxResponseBytes: config.soapMaxResponseBytes,
    tls: () => ({
      ...(soapCaFile ? { ca: soapCaFile() } : {}),
      ...(soapClientCertFile ? { cert: soapClientCertFile() } : {}),
      ...(soapClientKeyFile ? { key: soapClientKeyFile() } : {}),
    }),
    maxSockets: Math.max(1, calls),
    proxy: { https: config.httpsProxy, http: config.httpProxy, except: config.noProxy },
    codes: new CodeMeanings({
      enriched: config.soapEnrichedCodes,
      notFound: config.soapNotFoundCodes,
      retry: config.soapRetryCodes ?? new Set(),
      hold: config.soapHoldCodes ?? new Set(),
    }),
    retryAfterMaxMs: config.retryAfterMaxMs,
  }
}

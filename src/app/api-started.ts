import type { ApiConfig } from '../config/config.ts'
import { placeInWords } from '../redis/connections.ts'
import { VERSION } from '../version.ts'

/** A token that is shorter can be guessed. */
const SHORT_TOKEN = 16

/** The first line that anybody looks at: where this API belongs, and who may ask. No token. */
export function apiStarted(config: ApiConfig, url: string): Record<string, unknown> {
  const { lookupQueue, interactiveQueue, resultQueue, apiTokens, soapEndpoint } = config
  const tokens = apiTokens?.()
  const short = (tokens ?? []).filter(({ token }) => token.length < SHORT_TOKEN).map(({ name }) => name)
  return {
    version: VERSION,
    url,
    redis: placeInWords(config).where,
    prefix: config.prefix,
    queues: { lookupQueue, interactiveQueue, resultQueue },
    service: soapEndpoint === null ? 'the only one that workers have called' : new URL(soapEndpoint).host,
    tokens: tokens ? tokens.map(({ name, roles }) => `${name}:${roles.join('+')}`) : 'none: loopback only',
    ...(short.length > 0 && { easilyGuessed: short }),
  }
}

/** The part of a value that may be shown: no password, no token, nothing that may be one. */

import type { Variable } from './table.ts'

export const MASK = '********'

/** Query parameters of a Redis URL that hold no secret. */
const HARMLESS = /^(db|family|keepAlive|connectionName)$/

export function mask({ secret }: Pick<Variable<unknown>, 'secret'>, given: string): string {
  return secret === 'whole' ? MASK : withoutSecrets(given)
}

/**
 * Masks any URL of the table, also where its variable is no secret. The user is hidden too, because many proxies take a
 * token there; only Redis' user beside a password is shown. Everything up to the last @ counts as user and password,
 * because a password with / ? or # makes the parser see the host elsewhere.
 */
export function withoutSecrets(given: string): string {
  if (!/^[a-z][\w+.-]*:\/\//i.test(given)) return given
  const [address = '', query] = withoutUser(given.replace(/#.*$/s, '')).split(/\?(.*)/s)
  return query === undefined ? address : `${address}?${withoutValues(query, isRedis(given))}`
}

function withoutUser(given: string): string {
  const user = isRedis(given) ? /(\/\/[^:/?#@]*):.+@/s : /(\/\/).*@/s
  if (user.test(given)) return given.replace(user, isRedis(given) ? `$1:${MASK}@` : `$1${MASK}@`)
  return given.replace(/(\/\/).*@/s, `$1${MASK}@`)
}

function withoutValues(query: string, isOfRedis: boolean): string {
  return query
    .split('&')
    .map((parameter) => {
      const [, name] = /^([^=]+)=./s.exec(parameter) ?? []
      if (name === undefined) return MASK
      return isOfRedis && HARMLESS.test(name) ? parameter : `${name}=${MASK}`
    })
    .join('&')
}

function isRedis(given: string): boolean {
  return /^rediss?:/i.test(given)
}

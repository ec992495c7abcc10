/** The kinds of variables: what their text must be, and the value that it becomes. */

import { parseLookup } from '../domain/lookup.ts'
import { type Secret, secretFile } from './secret.ts'

export interface Kind<T> {
  expected: string
  parse(text: string, secret: Secret): T
}

export function integer(min: number, max: number, unit = ''): Kind<number> {
  return {
    expected: `a whole number${unit ? ` of ${unit}` : ''} from ${min} to ${max}`,
    parse: (text) => {
      if (!/^\d+$/.test(text.trim())) throw new Error('')
      const value = Number(text)
      if (value < min || value > max) throw new Error('')
      return value
    },
  }
}

export const ms = (min: number, max = 2 ** 31 - 1) => integer(min, max, 'milliseconds')
export const DAY_MS = 86_400_000
export const YEAR_MS = 366 * DAY_MS

export function limit(min: number, max: number, fraction = false): Kind<number | null> {
  return {
    expected: `${fraction ? 'a number' : 'a whole number'} from ${min} to ${max}, or none`,
    parse: (text) => {
      if (text.trim() === 'none') return null
      if (!/^\d+(\.\d+)?$/.test(text.trim())) throw new Error('')
      const value = Number(text)
      if (value === 0) throw new Error('0 would stop all calls; for that there is chat-enricher hold')
      if (!(value >= min && value <= max) || (!fraction && !Number.isInteger(value))) throw new Error('')
      return value
    },
  }
}

const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: DAY_MS }

/** Milliseconds of a text like 5s, 30m or 1d. Throws if the text is no duration. */
export function readDuration(text: string): number {
  const [, count = '', unit = ''] = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text.trim()) ?? []
  const value = Number(count) * (UNITS_MS[unit] ?? 0)
  if (!(value > 0 && value <= YEAR_MS)) throw new Error('')
  return value
}

export const duration: Kind<number> = { expected: 'a duration as 30s, 15m, 6h or 1d', parse: readDuration }

export const durations: Kind<readonly number[]> = {
  expected: 'a list of durations, as 5s,30s,2m',
  parse: (text) => text.split(',').map(readDuration),
}

export function ratio(min: number, max: number): Kind<number> {
  return {
    expected: `a number from ${min} to ${max}`,
    parse: (text) => {
      const value = Number(text)
      if (!/^\d*\.?\d+$/.test(text.trim()) || value < min || value > max) throw new Error('')
      return value
    },
  }
}

export const yesOrNo: Kind<boolean> = {
  expected: 'true or false',
  parse: (text) => {
    if (text !== 'true' && text !== 'false') throw new Error('')
    return text === 'true'
  },
}

export function choice<const T extends string>(...values: T[]): Kind<T> {
  return {
    expected: values.join(' or '),
    parse: (text) => {
      if (!(values as string[]).includes(text)) throw new Error('')
      return text as T
    },
  }
}

/** `protocols` as `https:`; the text may have them in capitals. A user and a password are sent decoded, so they must be decodable. */
export function url(...protocols: string[]): Kind<string> {
  const begins = new RegExp(`^(?:${protocols.join('|')})//`, 'i')
  return {
    expected: `a URL with ${protocols.map((protocol) => `${protocol}//`).join(' or ')}`,
    parse: (text) => {
      if (!/^[a-z][a-z\d+.-]*:\/\//i.test(text)) throw new Error(`no scheme: try ${protocols[0]}//…`)
      if (!begins.test(text)) throw new Error('another scheme')
      if (!URL.canParse(text)) throw new Error('no URL')
      const { username, password } = new URL(text)
      if (![username, password].every(isDecodable)) throw new Error('a % in its user or password: write it %25')
      return text
    },
  }
}

/** A URL that may hold a password. A / ? or # in the password would end the host, and digits before it would be the port. */
export function urlWithPassword(...protocols: string[]): Kind<string> {
  const { expected, parse } = url(...protocols)
  return {
    expected,
    parse: (text, secret) => {
      parse(text, secret)
      const [, behindHost = ''] = /\/\/[^/?#]*(.*)/s.exec(text) ?? []
      const withoutValues = behindHost.replace(/([?&][^=&#]+)=[^&#]*/g, '$1')
      if (withoutValues.includes('@')) throw new Error('a password with a / (write %2F), ? (%3F), # (%23) or @ (%40)')
      return text
    },
  }
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text)
    return true
  } catch {
    return false
  }
}

const redisAddress = urlWithPassword('redis:', 'rediss:')

/** Redis' databases are numbered; the client would break down on any other path. */
function checkedRedisUrl(text: string, secret: Secret): string {
  redisAddress.parse(text, secret)
  const { pathname, searchParams } = new URL(text)
  const databases = [pathname.slice(1), ...searchParams.getAll('db')]
  if (!databases.every((one) => /^\d{0,9}$/.test(one))) {
    throw new Error('a path that is no number of a database, as in redis://host:6379/2')
  }
  return text
}

/** Read each time it is used, because its file may change. While the file holds no such URL, the last one stands. */
export const redisUrl: Kind<Secret> = {
  expected: redisAddress.expected,
  parse: (text, secret) => {
    let last = checkedRedisUrl(text, secret)
    return () => {
      try {
        last = checkedRedisUrl(secret(), secret)
      } catch {
        // Half written, or a mistake: the last right value stands until the file is right again.
      }
      return last
    }
  },
}

export const addresses: Kind<readonly { host: string; port: number }[]> = {
  expected: 'a list of host:port, with commas between',
  parse: (text) =>
    text.split(',').map((one) => {
      const [, bracketed, plain, port = ''] = /^(?:\[([\da-fA-F:.]+)\]|([\w.-]+)):(\d{1,5})$/.exec(one.trim()) ?? []
      const host = bracketed ?? plain
      if (host === undefined || Number(port) < 1 || Number(port) > 65_535) throw new Error('')
      return { host, port: Number(port) }
    }),
}

export const queueName: Kind<string> = {
  expected: 'a queue name without colons, other than chat-enricher',
  parse: (text) => {
    if (!/^[^:\s]+$/.test(text) || text === 'chat-enricher') throw new Error('')
    return text
  },
}

function withoutSpaces(expected: string): Kind<string> {
  return {
    expected,
    parse: (text) => {
      if (!/^\S+$/.test(text)) throw new Error('')
      return text
    },
  }
}

export const masterName = withoutSpaces('a name without spaces')
export const prefix = withoutSpaces('a text without spaces')
export const streamKey = withoutSpaces('a key without spaces')

export const secretText: Kind<Secret> = {
  expected: 'its value, or the path of a file with it in NAME_FILE',
  parse: (text, secret) => {
    if (text === '') throw new Error('an empty file')
    return secret
  },
}

/** Its path and query may hold a token, so none of it is shown. */
export const webhookUrl: Kind<Secret> = {
  expected: 'a URL with https:// or http://',
  parse: (text, secret) => {
    url('https:', 'http:').parse(text, secret)
    return secret
  },
}

export const webhookSecret: Kind<Secret> = {
  expected: 'whsec_ and base64, or a text without spaces, or the path of a file with it in NAME_FILE',
  parse: (text, secret) => {
    if (!/^\S+$/.test(text)) throw new Error('none, or one with spaces')
    if (/^whsec_(?![A-Za-z0-9+/]+={0,2}$)/.test(text)) throw new Error('no base64 behind whsec_')
    return secret
  },
}

export const file: Kind<Secret> = { expected: 'the path of a file that can be read', parse: (path) => secretFile(path) }

export const codes: Kind<ReadonlySet<number>> = {
  expected: 'a list of response codes (32-bit integers), as 3 or 3,17,-1',
  parse: (text) => {
    const parts = text.split(',').map((part) => part.trim())
    const values = parts.map(Number)
    if (!parts.every((part) => /^-?\d{1,10}$/.test(part))) throw new Error('')
    if (!values.every((value) => value === (value | 0))) throw new Error('')
    return new Set(values)
  },
}

export const connectionId: Kind<string> = {
  expected: 'a connection id of 1 to 256 characters, none of them a control character',
  parse: (text) => {
    if (!parseLookup({ connectionId: text }).ok) throw new Error('')
    return text
  },
}

export const host: Kind<string> = {
  expected: 'a host name or an address',
  parse: (text) => {
    if (!/^[\w.:-]+$/.test(text)) throw new Error('')
    return text
  },
}

export const hosts: Kind<string> = { expected: 'a list of hosts, with commas between', parse: (text) => text }

/** The credentials that requests must carry, until they expire, and what everybody else is answered. */

import { type Check, CheckError, checkObject, type Fields, isObject, sortOf, wrong } from './checks.ts'
import { unauthorised } from './error-pages.ts'
import { type EnvelopeVersion, type Reply, soapReply } from './reply.ts'
import type { Parameters } from './soap-read.ts'
import { envelopeXml, faultXml, responseXml } from './xml-write.ts'

export interface AcceptedCredentials {
  publicKey1: string
  encryptedUser: string
  encryptedPassword: string
  encryptedSignature: string
}

/** How wrong credentials are refused: HTTP 401, a SOAP fault of the client, or 200 with this code and no chat. */
export type Refuse = '401' | 'client-fault' | { readonly responseCode: number }

const NAMES = ['publicKey1', 'encryptedUser', 'encryptedPassword', 'encryptedSignature'] as const
const TEXT = 'Invalid credentials'

export class Access {
  refuse: Refuse = { responseCode: 9 }
  readonly #now: () => number
  #credentials: AcceptedCredentials | null = null
  #expiresAt = Number.POSITIVE_INFINITY

  /** `now` in milliseconds, from any start. */
  constructor(now: () => number) {
    this.#now = now
  }

  /** null: anything is accepted. New ones have not expired. */
  set credentials(credentials: AcceptedCredentials | null) {
    this.#credentials = credentials
    this.#expiresAt = Number.POSITIVE_INFINITY
  }

  /** After `ms` everybody is refused until other credentials are set; null: never. */
  expireAfter(ms: number | null): void {
    this.#expiresAt = ms === null ? Number.POSITIVE_INFINITY : this.#now() + ms
  }

  get state(): 'required' | 'expired' | null {
    if (this.#now() >= this.#expiresAt) return 'expired'
    return this.#credentials ? 'required' : null
  }

  admits(parameters: Parameters): boolean {
    if (this.#now() >= this.#expiresAt) return false
    return this.#credentials === null || agrees(this.#credentials, parameters)
  }
}

export function refusal(refuse: Refuse, version: EnvelopeVersion): Reply {
  if (refuse === '401') return unauthorised('')
  if (refuse === 'client-fault') {
    return soapReply(500, version, faultXml(version, { code: 'Client', string: TEXT }), true)
  }
  const response = { responseCode: refuse.responseCode, responseDescription: TEXT }
  return soapReply(200, version, envelopeXml(version, responseXml({ response })), true)
}

function agrees(credentials: AcceptedCredentials, parameters: Parameters): boolean {
  return (
    parameters.PublicKey1 === credentials.publicKey1 &&
    parameters.EncryptedUser === credentials.encryptedUser &&
    parameters.EncryptedPassword === credentials.encryptedPassword &&
    parameters.EncryptedSignature === credentials.encryptedSignature
  )
}

// The values are secrets: an error must not show them.
const checkSecret: Check = (value, where) => {
  if (typeof value !== 'string') throw new CheckError(`${where}: expected a text, got ${sortOf(value)}`)
}
const FIELDS: Fields = Object.fromEntries(NAMES.map((name) => [name, checkSecret]))

export const checkCredentials: Check = (value, where) => {
  if (!isObject(value))
    throw new CheckError(`${where}: expected an object with ${NAMES.join(', ')}, got ${sortOf(value)}`)
  checkObject(value, where, FIELDS, NAMES)
}

export const checkRefuse: Check = (value, where) => {
  if (value === '401' || value === 'client-fault') return
  if (!isObject(value)) throw wrong(where, '"401", "client-fault" or {"responseCode": a number}', value)
  checkObject(value, where, { responseCode: checkCode }, ['responseCode'])
}

const checkCode: Check = (value, where) => {
  const fits = Number.isInteger(value) && (value as number) >= -(2 ** 31) && (value as number) < 2 ** 31
  if (!fits) throw wrong(where, 'a 32-bit integer', value)
}

/** Reads the four credentials from the JSON of a file. Throws CheckError, whose message shows none of it. */
export function parseCredentials(text: string): AcceptedCredentials {
  let value: unknown
  try {
    value = JSON.parse(text.replace(/^\ufeff/, ''))
  } catch {
    throw new CheckError('the credentials: expected JSON, got something else')
  }
  checkCredentials(value, 'the credentials')
  return value as AcceptedCredentials
}

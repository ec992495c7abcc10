/** The certificates that the service has shown to workers, in words: as `status`, `doctor` and the console say it. */

import { counted, seconds } from '../domain/figures.ts'
import type { Member } from './members.ts'

/** What a worker says of the last one that it saw. */
export interface SeenCertificate {
  /** The host of SOAP_ENDPOINT, with its port where that is not the usual one. */
  host: string
  /** The end of its validity, ISO 8601. */
  expiresAt: string
}

export type CertificateState = 'good' | 'soon' | 'over'

export interface CertificateInWords {
  host: string
  expiresAt: string
  state: CertificateState
  says: string
}

const DAY_MS = 86_400_000
/** By then its owner should have renewed it. */
const SOON_DAYS = 30

/** One for each host: the one that ends first, because not every machine behind a host may have the new one. */
export function certificatesInWords(members: readonly Member[], at: number): CertificateInWords[] {
  const firstToEnd = new Map<string, SeenCertificate>()
  for (const { certificate } of members) {
    if (!certificate) continue
    const known = firstToEnd.get(certificate.host)
    if (!known || Date.parse(certificate.expiresAt) < Date.parse(known.expiresAt))
      firstToEnd.set(certificate.host, certificate)
  }
  return [...firstToEnd.values()].map(({ host, expiresAt }) => {
    const leftMs = Date.parse(expiresAt) - at
    return { host, expiresAt, state: stateOf(leftMs), says: `the certificate of ${host} ${validity(leftMs)}` }
  })
}

export function stateOf(leftMs: number): CertificateState {
  if (leftMs <= 0) return 'over'
  return leftMs < SOON_DAYS * DAY_MS ? 'soon' : 'good'
}

function validity(leftMs: number): string {
  if (leftMs <= 0)
    return `ended ${seconds(-leftMs)} ago: new connections fail. Do: have its owner renew it, and the fleet goes on by itself`
  if (stateOf(leftMs) === 'good') return `is valid for ${daysOf(leftMs)}`
  return `ends in ${leftMs < DAY_MS ? seconds(leftMs) : daysOf(leftMs)}. Do: have its owner renew it: when it ends, the fleet holds`
}

function daysOf(ms: number): string {
  return counted(Math.floor(ms / DAY_MS), 'day')
}

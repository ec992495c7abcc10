/** Every case: a request, and what must come back. None changes anything, or asks for more than one record at a time. */

import type { Credentials, SoapVersion } from './envelope.ts'
import type { Expected } from './expected.ts'
import { pageCases } from './pages.ts'
import { parameterCases } from './parameters.ts'
import { routingCases } from './routing.ts'
import type { Request } from './wire.ts'
import { xmlCases } from './xml.ts'

export interface Case {
  name: string
  /** Of the client that would send it; null: of no SOAP client. */
  version: SoapVersion | null
  request: Request
  expected: Expected
}

export interface Subject {
  credentials: Credentials
  /** Of a chat that the service knows. */
  connectionId: string
}

export function allCases(subject: Subject): Case[] {
  return [...routingCases(subject), ...parameterCases(subject), ...xmlCases(subject), ...pageCases()]
}

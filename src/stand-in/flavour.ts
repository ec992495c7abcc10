/** Where the two servers that run this service differ: ASP.NET on IIS, and Mono's xsp4. */

import type { Socket } from 'node:net'

export type FlavourName = 'iis' | 'mono'

export interface Flavour {
  /** Headers of every answer that ASP.NET gives. */
  headers: readonly string[]
  /** .NET puts the values into the template; Mono leaves the placeholders. */
  fill: (template: string, ...values: string[]) => string
  tooLong: string
  /** What follows the operation page in the help: Mono's link to it does not work. */
  operationPage: boolean
  /** Whether a path may be written in any case of letters. */
  anyCase: boolean
  /** Headers about keeping the connection, in an answer with this status. */
  connectionHeaders: (status: number, socket: Socket | null) => readonly string[]
}

export const TEXTS = {
  unknownAction: 'Server did not recognize the value of HTTP Header {0}: {1}.',
  noAction: 'Unable to handle request without a valid action parameter. Please supply a valid soap action.',
  unknownAction12: "Unable to handle request. The action '{0}' was not recognized.",
  versionMismatch: 'Possible SOAP version mismatch: Envelope namespace {0} was unexpected. Expecting {1}.',
  notUnderstood: 'SOAP header {0} was not understood.',
  unreadable: 'Server was unable to read request.',
  unprocessable: 'Server was unable to process request.',
  tooLong: 'There was an exception running the extensions specified in the config file.',
}

/** xsp4 closes a connection after this many requests, and counts them down in a header. */
const MONO_REQUESTS = 101
const CLOSE = ['Connection', 'close']
const NOTHING: readonly string[] = []
const monoServed = new WeakMap<Socket, number>()

function monoConnection(status: number, socket: Socket | null): readonly string[] {
  if (!socket) return CLOSE
  const served = (monoServed.get(socket) ?? 0) + 1
  monoServed.set(socket, served)
  if (served >= MONO_REQUESTS || status === 400 || status === 500) return CLOSE
  return ['Keep-Alive', `timeout=15, max=${MONO_REQUESTS - served}`, 'Connection', 'Keep-Alive']
}

export const FLAVOURS: Readonly<Record<FlavourName, Flavour>> = {
  iis: {
    headers: ['Server', 'Microsoft-IIS/10.0', 'X-AspNet-Version', '4.0.30319', 'X-Powered-By', 'ASP.NET'],
    fill: (template, ...values) => template.replace(/\{(\d)\}/g, (_, place) => values[Number(place)] ?? ''),
    tooLong: 'Maximum request length exceeded.',
    operationPage: true,
    anyCase: true,
    connectionHeaders: () => NOTHING,
  },
  mono: {
    headers: ['Server', 'Mono.WebServer.XSP/4.2.0.0 Linux', 'X-AspNet-Version', '4.0.30319'],
    fill: (template) => template,
    tooLong: 'Upload size exceeds httpRuntime limit.',
    operationPage: false,
    anyCase: false,
    connectionHeaders: monoConnection,
  },
}

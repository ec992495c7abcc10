/**
 * What can go wrong with the service, on request; one entry for each kind. Texts carry the customer's name, as real error
 * texts do, so that a test can look for it where it must not be.
 */

import { gzipSync } from 'node:zlib'
import { type Refuse, refusal } from './access.ts'
import type { Delivery } from './delivery.ts'
import {
  escapeHtml,
  forbidden,
  iisPage,
  METHOD_NOT_ALLOWED,
  NOT_FOUND,
  unauthorised,
  yellowPage,
} from './error-pages.ts'
import { type EnvelopeVersion, htmlReply, type Reply, soapReply } from './reply.ts'
import { envelopeXml, escapeText, faultXml, responseXml } from './xml-write.ts'

export interface FaultContext {
  version: EnvelopeVersion
  /** Name of the customer of the chat that was asked for. */
  customer: string
  /** The answer without the fault. */
  answer: () => Reply
  /** Value of the Retry-After header, for the kinds that send one. */
  retryAfter: string
  /** How credentials are refused at the moment. */
  refuse: Refuse
}

type MakeFault = (context: FaultContext) => Delivery

const whole = (reply: Reply): Delivery => ({ how: 'whole', reply })
const TOO_LARGE_BYTES = 5 * 1024 * 1024
const BOMB_BYTES = 64 * 1024 * 1024

const TABLE = {
  // IIS and what stands before it
  '503': (context) => whole(unavailable(context.customer)),
  '503-retry-after': (context) => whole(withHeaders(unavailable(context.customer), 'Retry-After', context.retryAfter)),
  '429': ({ customer, retryAfter }) => {
    const reason = `The calls for ${escapeHtml(customer)} are too many. Please try again later.`
    return whole(iisPage(429, 'Too many requests', reason, ['Retry-After', retryAfter]))
  },
  '400': ({ version }) => whole(soapReply(400, version, '', false)),
  '401': ({ customer }) => whole(unauthorised(customer)),
  '403': ({ customer }) => whole(forbidden(customer)),
  '404': () => whole(NOT_FOUND),
  '405': () => whole(METHOD_NOT_ALLOWED),
  '415': ({ version }) => whole(soapReply(415, version, '', false)),
  redirect: ({ customer }) => {
    const target = `/semp/login.aspx?ReturnUrl=%2fsemp%2fTPClientWebServicesAPI.asmx&user=${encodeURIComponent(customer)}`
    const link = `<a href="${escapeHtml(target)}">here</a>`
    const body = `<html><head><title>Object moved</title></head><body>\n<h2>Object moved to ${link}.</h2>\n</body></html>\n`
    return whole(htmlReply(302, body, ['Location', target]))
  },
  html: ({ customer }) => whole(htmlReply(200, loginPage(customer))),
  '500-html': ({ customer }) => whole(yellowPage(brokenChat(customer), 'System.NullReferenceException', STACK)),

  // SOAP faults
  'server-fault': ({ version, customer }) => {
    const string = `Server was unable to process request. ---> ${brokenChat(customer)}`
    return whole(soapReply(500, version, faultXml(version, { code: 'Server', string }), true))
  },
  'client-fault': ({ version, customer }) => {
    const string = `Invalid signature for the chat of ${customer}`
    return whole(soapReply(500, version, faultXml(version, { code: 'Client', string }), true))
  },
  /** What wrong credentials get, for everybody: by default status 200 with a response code and no chat. */
  denied: ({ version, refuse }) => whole(refusal(refuse, version)),

  // the network
  hang: () => ({ how: 'silence' }),
  reset: () => ({ how: 'reset' }),
  'reset-midway': ({ answer }) => ({ how: 'cut', reply: answer(), framing: 'length', end: 'reset' }),
  slow: ({ answer }) => ({ how: 'drip', reply: answer(), from: 'body' }),
  'slow-headers': ({ answer }) => ({ how: 'drip', reply: answer(), from: 'head' }),
  truncated: ({ answer }) => ({ how: 'cut', reply: answer(), framing: 'length' }),
  'truncated-chunked': ({ answer }) => ({ how: 'cut', reply: answer(), framing: 'chunked' }),
  'truncated-close': ({ answer }) => ({ how: 'cut', reply: answer(), framing: 'close' }),

  // answers that are none
  garbage: ({ version, customer }) => whole(soapReply(200, version, garbage(version, customer), true)),
  empty: ({ version }) => whole(soapReply(200, version, '', true)),
  'too-large': ({ version, customer }) => {
    const name = customer + 'x'.repeat(TOO_LARGE_BYTES)
    return whole(soapReply(200, version, envelopeXml(version, chatOf(name)), true))
  },
  dtd: ({ version, customer }) => whole(soapReply(200, version, billionLaughs(version, customer), true)),
  gzip: ({ answer }) => whole(gzipped(answer())),
  'gzip-bomb': ({ version }) => {
    bomb ??= gzipSync(Buffer.alloc(BOMB_BYTES, ' '))
    return whole(withHeaders({ ...soapReply(200, version, '', true), body: bomb }, 'Content-Encoding', 'gzip'))
  },
} satisfies Record<string, MakeFault>

export type FaultKind = keyof typeof TABLE
export const FAULT_KINDS = Object.freeze(Object.keys(TABLE)) as readonly FaultKind[]

export function makeFault(kind: FaultKind, context: FaultContext): Delivery {
  return (TABLE[kind] as MakeFault)(context)
}

/** Made once, because making it takes longer than sending it. */
let bomb: Buffer | undefined
const STACK =
  '   Semp.Chats.ChatRequestReader.Read(String connectionId)\n' +
  '   TPClientWebServicesAPI.GetChatRequestByConnectionId(String PublicKey1, String EncryptedUser, String EncryptedPassword, String EncryptedSignature, String ChatConnectionIDBD)'

function brokenChat(customer: string): string {
  return `Timeout expired while reading the chat of ${customer}.`
}

/**
 * HTTP.sys answers this while the application pool is down. ASP.NET is not reached, so its headers are missing, and the
 * connection closes.
 */
function unavailable(customer: string): Reply {
  const body = `<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01//EN""http://www.w3.org/TR/html4/strict.dtd">
<HTML><HEAD><TITLE>Service Unavailable</TITLE>
<META HTTP-EQUIV="Content-Type" Content="text/html; charset=utf-8"></HEAD>
<BODY><h2>Service Unavailable</h2>
<hr><p>HTTP Error 503. The service is unavailable. (${escapeHtml(customer)})</p>
</BODY></HTML>
`
  const headers = ['Content-Type', 'text/html; charset=utf-8', 'Server', 'Microsoft-HTTPAPI/2.0', 'Connection', 'close']
  return { status: 503, headers, body, bare: true }
}

function loginPage(customer: string): string {
  return `<!DOCTYPE html>
<html><head><title>Entrar</title></head>
<body><h1>Sessão expirada</h1>
<p>${escapeHtml(customer)}, entre de novo para continuar.</p>
<form method="post" action="/semp/login.aspx"><input name="user"><input name="password" type="password"><br><button>Entrar</button></form>
</body></html>
`
}

function chatOf(name: string): string {
  return responseXml({ response: { responseCode: 0 }, ChatRequest: { IdRequest: 1, UserName: name } })
}

/** An answer whose end tags were lost on the way. */
function garbage(version: EnvelopeVersion, customer: string): string {
  return envelopeXml(version, chatOf(customer)).replace('</UserName>', '</UserNam').replace('</soap:Body>', '')
}

function billionLaughs(version: EnvelopeVersion, customer: string): string {
  const levels = Array.from({ length: 9 }, (_, i) => `<!ENTITY lol${i + 1} "${`&lol${i};`.repeat(10)}">`).join('')
  const dtd = `<!DOCTYPE soap:Envelope [<!ENTITY lol0 "${escapeText(customer)}">${levels}]>`
  const answer = envelopeXml(version, chatOf('HERE'))
  return answer.replace('?>', `?>${dtd}`).replace('HERE', '&lol9;')
}

function gzipped(reply: Reply): Reply {
  return { ...withHeaders(reply, 'Content-Encoding', 'gzip'), body: gzipSync(reply.body) }
}

function withHeaders(reply: Reply, ...headers: string[]): Reply {
  return { ...reply, headers: [...reply.headers, ...headers] }
}

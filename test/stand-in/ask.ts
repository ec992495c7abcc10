/** Asking over real sockets, with nothing between the test and the bytes. */

import { type IncomingHttpHeaders, request } from 'node:http'
import { connect, type Socket } from 'node:net'
import type { StandIn } from '../../src/stand-in/stand-in.ts'

export interface Got {
  status: number
  headers: IncomingHttpHeaders
  bytes: Buffer
  text: string
}

interface Question {
  method?: string
  path?: string
  headers?: Record<string, string>
  body?: string | Buffer
}

export const JSON_TYPE = { 'content-type': 'application/json' }

const PATH = '/semp/TPClientWebServicesAPI.asmx'
export const ACTION = 'http://tempuri.org/GetChatRequestByConnectionId'

/** One request on a connection of its own. Rejects when the answer breaks off. */
export function ask(standIn: StandIn, question: Question): Promise<Got> {
  return askAt('127.0.0.1', standIn, question)
}

/** The same by another address of this machine. */
export function askAt(host: string, standIn: StandIn, question: Question): Promise<Got> {
  const { method = 'GET', path = PATH, headers = {}, body = '' } = question
  return new Promise((resolve, reject) => {
    const asked = request({ host, port: standIn.port, method, path, headers, agent: false }, (answer) => {
      const chunks: Buffer[] = []
      answer.on('data', (chunk: Buffer) => chunks.push(chunk))
      answer.on('error', reject)
      answer.on('end', () => {
        const bytes = Buffer.concat(chunks)
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, bytes, text: bytes.toString() })
      })
    })
    asked.on('error', reject)
    asked.end(body)
  })
}

export const envelope11 = (body: string, header = '') =>
  `<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/">${header}<soap:Body>${body}</soap:Body></soap:Envelope>`
export const envelope12 = (body: string, header = '') =>
  `<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope">${header}<s:Body>${body}</s:Body></s:Envelope>`
export const operation = (inner: string) =>
  `<GetChatRequestByConnectionId xmlns="http://tempuri.org/">${inner}</GetChatRequestByConnectionId>`
export const lookup = (id: string) => operation(`<ChatConnectionIDBD>${id}</ChatConnectionIDBD>`)

/** A SOAP 1.1 request as a client would send it, unless said otherwise. */
export function post(standIn: StandIn, body: string | Buffer, headers: Record<string, string> = {}): Promise<Got> {
  const usual = { 'content-type': 'text/xml; charset=utf-8', soapaction: `"${ACTION}"` }
  return ask(standIn, { method: 'POST', headers: { ...usual, ...headers }, body })
}

/** The same without SOAPAction: it is taken for 1.2. */
export function postBare(standIn: StandIn, body: string | Buffer, contentType: string): Promise<Got> {
  return ask(standIn, { method: 'POST', headers: { 'content-type': contentType }, body })
}

export function postId(standIn: StandIn, id: string): Promise<Got> {
  return post(standIn, envelope11(lookup(id)))
}

/** The bytes of a request, for a socket. */
export function rawRequest(standIn: StandIn, id: string): string {
  const body = envelope11(lookup(id))
  return (
    `POST ${PATH} HTTP/1.1\r\nHost: 127.0.0.1:${standIn.port}\r\nContent-Type: text/xml; charset=utf-8\r\n` +
    `SOAPAction: "${ACTION}"\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
  )
}

export function openSocket(standIn: StandIn): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(standIn.port, '127.0.0.1', () => resolve(socket))
    socket.once('error', reject)
  })
}

/** Everything until the other side ends the connection, and whether it ended it with a reset. */
export function readToEnd(socket: Socket): Promise<{ text: string; reset: boolean }> {
  return new Promise((resolve) => {
    let text = ''
    let reset = false
    socket.removeAllListeners('error')
    socket.on('data', (chunk) => {
      text += chunk
    })
    socket.on('error', (error: NodeJS.ErrnoException) => {
      reset = error.code === 'ECONNRESET'
    })
    socket.on('close', () => resolve({ text, reset }))
  })
}

/** The first bytes that come. */
export function firstChunk(socket: Socket): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const closed = () => reject(new Error('closed before any data'))
    socket.once('close', closed)
    socket.once('data', (chunk: Buffer) => {
      socket.off('close', closed)
      resolve(chunk)
    })
  })
}

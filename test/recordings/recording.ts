/** The recordings of a real ASMX service in this folder, byte for byte, taken apart for tests. */

import { readdirSync, readFileSync } from 'node:fs'
import type { HttpAnswer } from '../../src/soap/exchange.ts'

const FOLDER = new URL('./', import.meta.url)

export interface Recording {
  raw: Buffer
  status: number
  contentType: string | null
  body: Buffer
}

export function recording(name: string): Recording {
  const raw = readFileSync(new URL(`${name}.http`, FOLDER))
  const end = raw.indexOf('\r\n\r\n')
  const head = raw.subarray(0, end).toString('latin1')
  return {
    raw,
    status: Number(head.split(' ')[1]),
    contentType: /^content-type: (.*)$/im.exec(head)?.[1]?.trim() ?? null,
    body: raw.subarray(end + 4),
  }
}

export function recordedAnswers(): string[] {
  return readdirSync(FOLDER)
    .filter((file) => file.endsWith('.res.http'))
    .map((file) => file.slice(0, -'.res.http'.length))
}

/** An answer as the transport hands it on. */
export function httpAnswer(body: Uint8Array | string, contentType: string | null = 'text/xml; charset=utf-8'): HttpAnswer {
  const bytes = Buffer.from(body)
  return { status: 200, contentType, retryAfter: null, date: null, body: { is: 'complete', bytes }, bytes: bytes.length }
}

/** The good SOAP 1.1 answer, with its `UserName` element replaced. */
export function answerWith(userName: string): string {
  return recording('ok-soap11.res').body.toString().replace('<UserName>Maria</UserName>', () => userName)
}

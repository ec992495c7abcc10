/** Requests and answers recorded from a real service (ASP.NET's own code on Mono), byte for byte. */

import { readFileSync } from 'node:fs'

const FOLDER = new URL('./recordings/', import.meta.url)

export interface RecordedRequest {
  method: string
  path: string
  headers: Record<string, string>
  body: Buffer
}

export interface RecordedAnswer {
  status: number
  headers: Record<string, string>
  body: Buffer
}

export function readRecording(name: string): Buffer {
  return readFileSync(new URL(name, FOLDER))
}

export function recordedRequest(name: string): RecordedRequest {
  const { first, headers, body } = parse(readRecording(`${name}.req.http`))
  const [method = '', path = ''] = first.split(' ')
  return { method, path, headers, body }
}

export function recordedAnswer(name: string): RecordedAnswer {
  const { first, headers, body } = parse(readRecording(`${name}.res.http`))
  return { status: Number(first.split(' ')[1]), headers, body }
}

function parse(bytes: Buffer): { first: string; headers: Record<string, string>; body: Buffer } {
  const end = bytes.indexOf('\r\n\r\n')
  const [first = '', ...lines] = bytes.toString('latin1', 0, end).split('\r\n')
  const headers = Object.fromEntries(lines.map((line) => line.split(/: (.*)/s).slice(0, 2) as [string, string]))
  const lower = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
  return { first, headers: lower, body: bytes.subarray(end + 4) }
}

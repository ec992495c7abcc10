/** A name server that knows a few names, as the one of compose does: an A record for each replica. */

import { createSocket } from 'node:dgram'
import { once } from 'node:events'

const HEADER_BYTES = 12
const TYPE_A = 1

/** Listens on port 53 of `host`, which only root may. */
export async function startNameServer(host: string, names: Record<string, string[]>): Promise<() => void> {
  const socket = createSocket('udp4')
  socket.on('message', (question, { port, address }) => socket.send(answerTo(question, names), port, address))
  socket.bind(53, host)
  await once(socket, 'listening')
  return () => socket.close()
}

function answerTo(question: Buffer, names: Record<string, string[]>): Buffer {
  const { name, type, end } = asked(question)
  const addresses = names[name]
  const records = type === TYPE_A ? (addresses ?? []) : []
  const header = Buffer.from(question.subarray(0, HEADER_BYTES))
  header.writeUInt16BE(addresses ? 0x8180 : 0x8183, 2) // an answer; without the name: there is none
  header.writeUInt16BE(records.length, 6)
  header.writeUInt32BE(0, 8) // no more records, as the question may have had
  return Buffer.concat([header, question.subarray(HEADER_BYTES, end), ...records.map(recordOf)])
}

function asked(question: Buffer): { name: string; type: number; end: number } {
  const labels: string[] = []
  let at = HEADER_BYTES
  for (let length = question[at] ?? 0; length > 0; length = question[at] ?? 0) {
    labels.push(question.toString('latin1', at + 1, at + 1 + length))
    at += 1 + length
  }
  return { name: labels.join('.').toLowerCase(), type: question.readUInt16BE(at + 1), end: at + 5 }
}

/** The name is that of the question, at byte 12; type A, class IN, for no second. */
function recordOf(address: string): Buffer {
  const head = Buffer.from([0xc0, HEADER_BYTES, 0, TYPE_A, 0, 1, 0, 0, 0, 0, 0, 4])
  return Buffer.concat([head, Buffer.from(address.split('.').map(Number))])
}

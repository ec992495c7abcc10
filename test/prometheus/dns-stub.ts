/** A name server that knows a few names: an A record for each replica, as that of compose has, and SRV records with ports. */

import { createSocket } from 'node:dgram'
import { once } from 'node:events'

const HEADER_BYTES = 12
const TYPE_A = 1
const TYPE_SRV = 33

/** A text is an address (A); the others are SRV records. */
export type Names = Record<string, (string | Service)[]>
export interface Service {
  target: string
  port: number
}

/** Listens on port 53 of `host`, which only root may. */
export async function startNameServer(host: string, names: Names): Promise<() => void> {
  const socket = createSocket('udp4')
  socket.on('message', (question, { port, address }) => socket.send(answerTo(question, names), port, address))
  socket.bind(53, host)
  await once(socket, 'listening')
  return () => socket.close()
}

function answerTo(question: Buffer, names: Names): Buffer {
  const { name, type, end } = asked(question)
  const known = names[name]
  const records = (known ?? []).filter((one) => type === (typeof one === 'string' ? TYPE_A : TYPE_SRV))
  const header = Buffer.from(question.subarray(0, HEADER_BYTES))
  header.writeUInt16BE(known ? 0x8180 : 0x8183, 2) // an answer; without the name: there is none
  header.writeUInt16BE(records.length, 6)
  header.writeUInt32BE(0, 8) // no more records, as the question may have had
  return Buffer.concat([header, question.subarray(HEADER_BYTES, end), ...records.map((one) => recordOf(one))])
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

/** The name is that of the question, at byte 12; class IN, for no second. */
function recordOf(one: string | Service): Buffer {
  const [type, data] =
    typeof one === 'string' ? [TYPE_A, Buffer.from(one.split('.').map(Number))] : [TYPE_SRV, serviceData(one)]
  return Buffer.concat([Buffer.from([0xc0, HEADER_BYTES, 0, type, 0, 1, 0, 0, 0, 0, 0, data.length]), data])
}

/** Priority and weight, which Prometheus does not look at, then the port and the target's labels. */
function serviceData({ target, port }: Service): Buffer {
  const labels = target.split('.').flatMap((label) => [Buffer.from([label.length]), Buffer.from(label)])
  return Buffer.concat([Buffer.from([0, 0, 0, 0, port >> 8, port & 0xff]), ...labels, Buffer.from([0])])
}

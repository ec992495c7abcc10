/** Recorded answers with something changed, and whether what we take from them is what another parser reads. */

import type { ChatRequest } from '../../src/domain/chat-request.ts'
import { readBody } from '../../src/soap/evidence.ts'
import { httpAnswer, recordedAnswers, recording } from '../recordings/recording.ts'
import { CHAT_NAMES, readBySax } from './writer.ts'

export function corpus(): Buffer[] {
  return recordedAnswers()
    .map((name) => recording(`${name}.res`).body)
    .filter((body) => body.length > 0 && body.length < 2_000) // not the pages: nothing becomes an answer of them
}

const PIECES = [
  '<',
  '>',
  '</',
  '/>',
  '&',
  '&#65;',
  '&amp;',
  ';',
  '"',
  "'",
  '=',
  ' ',
  '\r\n',
  ']]>',
  '<![CDATA[',
  '<!--',
  '-->',
]
PIECES.push(
  '<?',
  'xmlns=""',
  'xmlns:soap="urn:x"',
  'xsi:nil="true"',
  '<a/>',
  '<IdRequest>',
  '</IdRequest>',
  '\0',
  '\xff',
  ':',
)

/** The same for the same seed. */
export function mutated(seeds: Buffer[], seed: number): Buffer {
  const random = generator(seed)
  const below = (limit: number) => Math.floor(random() * limit)
  let bytes = Buffer.from(seeds[below(seeds.length)] ?? '')
  for (let changes = random() < 0.6 ? 1 : 1 + below(3); changes > 0; changes--) {
    const at = below(bytes.length)
    const end = Math.min(bytes.length, at + below(random() < 0.8 ? 4 : 200))
    const piece = Buffer.from(PIECES[below(PIECES.length)] ?? '', 'latin1')
    const other = bytes.subarray(below(bytes.length)).subarray(0, below(60))
    const middle = [piece, other, Buffer.of(below(256)), Buffer.alloc(0)][below(4)] ?? piece
    bytes = Buffer.concat([bytes.subarray(0, at), middle, bytes.subarray(end)])
  }
  return bytes
}

/** `wrong`: we would publish a ChatRequest that sax does not read in it. */
export function enrichedOtherwise(bytes: Buffer): 'enriched' | 'refused' | 'wrong' {
  const body = readBody(httpAnswer(bytes))
  if (body.is !== 'record' || !body.record.chatRequest?.idRequest) return 'refused'
  const read = readBySax(
    bytes
      .toString()
      .replace(/^\ufeff/, '')
      .replace(/\r\n?/g, '\n'),
  )
  return read && agree(body.record.chatRequest, read) ? 'enriched' : 'wrong'
}

function agree(ours: ChatRequest, theirs: Record<string, string | null>): boolean {
  return Object.entries(CHAT_NAMES).every(([wire, name]) => {
    const text = theirs[wire] ?? null
    const value = ours[name]
    if (typeof value === 'number') return text !== null && Number(text) === value
    if (value === null) return text === null || text.trim().startsWith('0001-01-01T00:00:00')
    return name.endsWith('Date') ? text?.trim() === value : text === value
  })
}

/** Mulberry32: small, and good enough to choose places. */
function generator(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

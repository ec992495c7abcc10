/** Made-up chats: a plausible record for any connection id, always the same for the same id. */

import { type Draw, drawFrom, pick } from './dice.ts'
import { madeUpDates } from './made-up-dates.ts'
import type { ChatRequestRecord, ResultRecord } from './records.ts'

const FIRST_NAMES = names(
  'Maria José João Ana Antônio Mônica Íris André Júlia Luíza Zoë Francisca Luís Conceição Márcia Fábio Inês Otávio Lúcia Sebastião Thaís Caio Érica Vinícius',
)
const LAST_NAMES = names(
  "Silva Souza Conceição Araújo Gonçalves Simões Brandão D'Ávila Magalhães Corrêa Lima Falcão Assunção Peçanha Sá Guimarães",
)
const PARTICLES = ['', '', '', 'da ', 'de ', 'dos ']
const DOMAINS = ['example.com.br', 'example.com', 'correio.example.net']
const OFFSET_MINUTES = [-180, -180, -180, -240, -120, -300]

/** FNV-1a over UTF-16 units. */
function hash(text: string): number {
  let state = 0x811c9dc5
  for (let i = 0; i < text.length; i += 1) state = Math.imul(state ^ text.charCodeAt(i), 0x01000193)
  return state
}

/** Without an id, or with an empty one, there is no chat. */
export function madeUpResult(id: string | null): ResultRecord {
  if (id === null || id === '') {
    return { response: { responseCode: 3, responseDescription: 'Chat request not found' }, ChatRequest: null }
  }
  const draw = drawFrom(hash(id))
  const chat: ChatRequestRecord = {}
  addNumbers(chat, id, draw)
  Object.assign(chat, madeUpDates(draw))
  addPerson(chat, draw)
  chat.EncryptedChatRequestId = base64(`req:${id}`)
  const response = { responseCode: 0, responseDescription: 'Success', encryptedSymmetrickey: base64(`key:${id}`) }
  return { response, ChatRequest: chat }
}

// Written field by field: spreading parts into one record takes longer than all the rest of it.
function addNumbers(chat: ChatRequestRecord, id: string, draw: Draw): void {
  const request = 1 + draw(2_000_000_000)
  chat.IdRequest = request
  chat.CaseNumber = request + 1 + draw(1000)
  chat.IdQueue = 1 + draw(12)
  chat.IdConnection = isInt(id) ? Number(id) : 1 + draw(2_000_000_000)
  chat.IdRequestTransfer = draw(8) === 0 ? request + 7 : 0
}

function isInt(id: string): boolean {
  return /^[1-9]\d{0,9}$/.test(id) && Number(id) < 2 ** 31
}

function addPerson(chat: ChatRequestRecord, draw: Draw): void {
  const first = pick(FIRST_NAMES, draw)
  const last = pick(LAST_NAMES, draw)
  const married = draw(4) === 0 ? ` & ${pick(LAST_NAMES, draw).name}` : ''
  const mailbox = `${first.ascii}.${last.ascii}.${draw(10_000)}`
  // Some systems keep an accent as a character of its own, and nobody on the way may combine the two.
  chat.UserName = draw(32) === 0 ? first.name.normalize('NFD') : first.name
  chat.UserLastName = draw(16) === 0 ? '' : pick(PARTICLES, draw) + last.name + married
  chat.UserEmail = draw(16) === 0 ? null : `${mailbox}@${pick(DOMAINS, draw)}`
  chat.UserOffsetTime = pick(OFFSET_MINUTES, draw)
}

function names(list: string): { name: string; ascii: string }[] {
  return list.split(' ').map((name) => ({ name, ascii: ascii(name) }))
}

function ascii(name: string): string {
  return name
    .normalize('NFD')
    .replace(/[^A-Za-z]/g, '')
    .toLowerCase()
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64')
}

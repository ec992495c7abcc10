/** Chats that nobody wrote down: a plausible record for any connection id, always the same one. */

import type { ChatRequestRecord, ResultRecord } from './records.ts'

const FIRST_NAMES = names(
  'Maria José João Ana Antônio Francisca Luís Conceição Márcia Fábio Inês Otávio Lúcia Sebastião Thaís Caio Érica Vinícius',
)
const LAST_NAMES = names(
  "Silva Souza Conceição Araújo Gonçalves Simões Brandão D'Ávila Magalhães Corrêa Lima Falcão Assunção Peçanha Sá Guimarães",
)
const DOMAINS = ['example.com.br', 'example.com', 'correio.example.net']
/** .NET's three kinds of date: from a database, local time of São Paulo, UTC; the first is by far the commonest. */
const OFFSETS = ['', '', '', '-03:00', 'Z']
const FRACTIONS = ['', '', '', '.5', '.007', '.1234567']
const OFFSET_MINUTES = [-180, -180, -180, -240, -120, -300]
const LEAST_DATE = '0001-01-01T00:00:00'
const FIRST_DAY = Date.UTC(2022, 0, 3)
const SECONDS_OF_THREE_YEARS = 3 * 365 * 86_400

/** Numbers from 0 to `below` - 1, a series of its own for each seed. */
export type Draw = (below: number) => number

/** mulberry32: short, fast, the same on every machine. */
export function drawFrom(seed: number): Draw {
  let state = seed | 0
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below)
  }
}

/** FNV-1a over UTF-16 units. */
function hash(text: string): number {
  let state = 0x811c9dc5
  for (let i = 0; i < text.length; i += 1) state = Math.imul(state ^ text.charCodeAt(i), 0x01000193)
  return state
}

/** Nobody asks for a chat without an id: for none, or an empty one, there is no chat. */
export function madeUpResult(id: string | null): ResultRecord {
  if (id === null || id === '') {
    return { response: { responseCode: 3, responseDescription: 'Chat request not found' }, ChatRequest: null }
  }
  const draw = drawFrom(hash(id))
  const chat: ChatRequestRecord = {}
  addNumbers(chat, id, draw)
  addDates(chat, draw)
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

/** Created, then seen by an agent, then last heard of; one in eight chats has no agent yet. */
function addDates(chat: ChatRequestRecord, draw: Draw): void {
  const created = FIRST_DAY + draw(SECONDS_OF_THREE_YEARS) * 1000
  const agent = created + (2 + draw(90)) * 1000
  const offset = pick(OFFSETS, draw)
  chat.CreationDate = date(created, offset, draw)
  chat.KeepAliveRouterDate = date(agent + draw(1800) * 1000, offset, draw)
  chat.AssignAgentRouterDate = draw(8) === 0 ? LEAST_DATE : date(agent, offset, draw)
}

function date(at: number, offset: string, draw: Draw): string {
  return new Date(at).toISOString().slice(0, 19) + pick(FRACTIONS, draw) + offset
}

function addPerson(chat: ChatRequestRecord, draw: Draw): void {
  const first = pick(FIRST_NAMES, draw)
  const last = pick(LAST_NAMES, draw)
  const married = draw(4) === 0 ? ` & ${pick(LAST_NAMES, draw).name}` : ''
  const mailbox = `${first.ascii}.${last.ascii}.${draw(10_000)}`
  chat.UserName = first.name
  chat.UserLastName = draw(16) === 0 ? '' : last.name + married
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

function pick<T>(list: readonly T[], draw: Draw): T {
  return list[draw(list.length)] as T
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64')
}

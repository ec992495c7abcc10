/** What is asked, what the service says, and what each client must read of it: all written out by hand. */

import type { AnswersEntry } from '../../src/stand-in/stand-in.ts'
import { CHAT, dated, entry, RESPONSE } from './answers.ts'
import type { ClientName, Read, SoapVersion } from './clients.ts'

export interface Case {
  name: string
  entry: AnswersEntry
  expected: Read
  /** In SOAP 1.2, where that is not the same. */
  expected12?: Read
  /** Where a client is known to read something else, and why. The first that fits counts. */
  except?: readonly Exception[]
}

interface Exception {
  client: ClientName
  version?: SoapVersion
  why: string
  /** `refused`: the client must say that it cannot read the answer. */
  read: Read | 'refused'
}

const ZEEP_EMPTY = 'an empty element is None to zeep'
const NULLS = { UserName: null, UserLastName: null, UserEmail: null, EncryptedChatRequestId: null }
const EMPTY = { UserName: '', UserLastName: '', UserEmail: '', EncryptedChatRequestId: '' }

const answer = (changes: object = {}): Read => ({
  result: { response: RESPONSE, ChatRequest: { ...CHAT, ...changes } },
})
const text = (name: string, value: string): Case => ({
  name,
  entry: entry(name, { UserName: value }),
  expected: answer({ UserName: value }),
})
const dates = (date: string | null) => ({ CreationDate: date, KeepAliveRouterDate: date, AssignAgentRouterDate: date })
const refusedBy = (why: string, ...clients: ClientName[]): Exception[] =>
  clients.map((client) => ({ client, why, read: 'refused' }))

/** A date of the wire, as zeep (rounded to microseconds) and JavaScript (milliseconds, UTC) write it; to PHP it is the text. */
function date(name: string, wire: string, zeep: string, javascript: string): Case {
  return {
    name,
    entry: dated(name, wire),
    expected: answer(dates(wire)),
    except: [
      { client: 'zeep', why: 'a datetime of Python', read: answer(dates(zeep)) },
      { client: 'node-soap', why: 'a Date of JavaScript', read: answer(dates(javascript)) },
    ],
  }
}

const RECORDS: Case[] = [
  { name: 'a chat', entry: entry('12345'), expected: answer() },
  { name: 'an id with accents, & and <', entry: entry('José & <b> "ç"'), expected: answer() },
  { name: 'an id with spaces around', entry: entry('  x  '), expected: answer() },
  text('accents', 'João Conceição Ünal Łódź'),
  text('emoji and CJK', 'Zé 😀👩‍👩‍👧 漢字'),
  text('decomposed accents', 'Joa\u0303o'),
  text('characters of XML', `A & B < C > D "E" 'F' ]]> &amp; <![CDATA[x]]> <!-- y -->`),
  text('spaces, tabs and line ends', '  a\tb\n c  '),
  {
    name: 'a carriage return',
    entry: entry('cr', { UserName: 'a\r\nb\rc' }),
    expected: answer({ UserName: 'a\nb\nc' }),
    except: [{ client: 'node-soap', why: 'sax keeps CR', read: answer({ UserName: 'a\r\nb\rc' }) }],
  },
  {
    name: 'a control character',
    entry: entry('control', { UserName: 'a\u0001b' }),
    expected: { refused: '' },
    except: refusedBy('&#x1; is not XML 1.0', 'zeep', 'php', 'node-soap'),
  },
  {
    name: 'empty texts',
    entry: entry('empty', EMPTY),
    expected: answer(EMPTY),
    except: [{ client: 'zeep', why: ZEEP_EMPTY, read: answer(NULLS) }],
  },
  { name: 'texts that are null', entry: entry('nulls', NULLS), expected: answer(NULLS) },
  {
    name: 'largest and smallest ints',
    entry: entry('ints', { IdRequest: 2147483647, UserOffsetTime: -2147483648 }),
    expected: answer({ IdRequest: 2147483647, UserOffsetTime: -2147483648 }),
  },
]

const NOT_FOUND = { responseCode: 3, responseDescription: 'Chat request not found', encryptedSymmetrickey: null }

const EMPTY_RESULTS: Case[] = [
  {
    name: 'no chat',
    entry: { id: 'nochat', result: { response: NOT_FOUND, ChatRequest: null } },
    expected: { result: { response: NOT_FOUND, ChatRequest: null } },
  },
  {
    name: 'no response',
    entry: { id: 'noresponse', result: { response: null, ChatRequest: CHAT } },
    expected: { result: { response: null, ChatRequest: CHAT } },
  },
  { name: 'a null result', entry: { id: 'nullresult', result: null }, expected: { result: null } },
]

const DATES: Case[] = [
  date('UTC', '2024-03-15T10:20:30Z', '2024-03-15T10:20:30+00:00', '2024-03-15T10:20:30.000Z'),
  date('local', '2024-03-15T10:20:30-03:00', '2024-03-15T10:20:30-03:00', '2024-03-15T13:20:30.000Z'),
  date('summer time', '2018-12-15T10:20:30-02:00', '2018-12-15T10:20:30-02:00', '2018-12-15T12:20:30.000Z'),
  date('half a second', '2024-03-15T10:20:30.5', '2024-03-15T10:20:30.500000', '2024-03-15T10:20:30.500Z'),
  date('7 ms', '2024-03-15T10:20:30.007', '2024-03-15T10:20:30.007000', '2024-03-15T10:20:30.007Z'),
  date('seven digits', '2024-03-15T10:20:30.1234567', '2024-03-15T10:20:30.123457', '2024-03-15T10:20:30.123Z'),
  date('leap day', '2024-02-29T23:59:59', '2024-02-29T23:59:59', '2024-02-29T23:59:59.000Z'),
  date('the least date', '0001-01-01T00:00:00', '0001-01-01T00:00:00', '0001-01-01T00:00:00.000Z'),
  {
    ...date('the largest date', '9999-12-31T23:59:59.9999999', '', '9999-12-31T23:59:59.999Z'),
    except: [
      { client: 'zeep', why: 'beyond the largest datetime of Python, read as None', read: answer(dates(null)) },
      { client: 'node-soap', why: 'a Date of JavaScript', read: answer(dates('9999-12-31T23:59:59.999Z')) },
    ],
  },
]

const fault = (code: string, string: string, actor: string | null = null, detail: unknown = null): Read => ({
  fault: { code, string, actor, detail },
})

const DETAIL = '<e:error code="17" xmlns:e="http://tempuri.org/errors">Connection &lt;42&gt; &amp; more</e:error>'
const ACTOR = 'http://tempuri.org/actor'
const UNREAD = 'the client looks for Detail, and not at Node: 1.2 names the detail as 1.1 does, in no namespace'
const AS_OBJECT = { error: { attributes: { code: '17' }, $value: 'Connection <42> & more' } }

const FAULTS: Case[] = [
  {
    name: 'a Server fault',
    entry: { id: 'server', fault: { code: 'Server', string: 'Server was unable. ---> Base <não> & "x"' } },
    expected: fault('soap:Server', 'Server was unable. ---> Base <não> & "x"'),
    expected12: fault('soap:Receiver', 'Server was unable. ---> Base <não> & "x"'),
  },
  {
    name: 'a Client fault with actor and detail',
    entry: { id: 'client', fault: { code: 'Client', string: 'Invalid & <bad>', actor: ACTOR, detail: DETAIL } },
    expected: fault('soap:Client', 'Invalid & <bad>', ACTOR, 'Connection <42> & more'),
    expected12: fault('soap:Sender', 'Invalid & <bad>', ACTOR, 'Connection <42> & more'),
    except: [
      { client: 'zeep', version: '1.2', why: UNREAD, read: fault('soap:Sender', 'Invalid & <bad>') },
      { client: 'php', version: '1.2', why: UNREAD, read: fault('soap:Sender', 'Invalid & <bad>') },
      {
        client: 'php',
        why: 'the detail as an object',
        read: fault('soap:Client', 'Invalid & <bad>', ACTOR, { error: 'Connection <42> & more' }),
      },
      {
        client: 'node-soap',
        version: '1.1',
        why: 'the detail as an object',
        read: fault('soap:Client', 'Invalid & <bad>', ACTOR, AS_OBJECT),
      },
      {
        client: 'node-soap',
        why: 'the detail as an object',
        read: fault('soap:Sender', 'Invalid & <bad>', ACTOR, AS_OBJECT),
      },
    ],
  },
]

export const CASES: readonly Case[] = [...RECORDS, ...EMPTY_RESULTS, ...DATES, ...FAULTS]

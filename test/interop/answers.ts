/** What the stand-in says in these tests, in the words of the wire. */

import type { AnswersEntry, ChatRequestRecord } from '../../src/stand-in/stand-in.ts'

export const CREDENTIALS = {
  publicKey1: 'chave & <1>',
  encryptedUser: 'usuário',
  encryptedPassword: '"senha" \'x\' =',
  encryptedSignature: 'c2lnbmF0dXJl+/==',
}

export const CHAT = {
  IdRequest: 12346,
  CaseNumber: 12347,
  CreationDate: '2024-03-15T10:20:30',
  IdQueue: 6,
  KeepAliveRouterDate: '2024-03-15T10:21:00',
  AssignAgentRouterDate: '2024-03-15T10:20:35',
  IdConnection: 12345,
  IdRequestTransfer: 0,
  UserName: 'Maria',
  UserLastName: 'Silva',
  UserEmail: 'maria.silva@example.com.br',
  UserOffsetTime: -180,
  EncryptedChatRequestId: 'cmVxOjEyMzQ1',
} satisfies ChatRequestRecord

export const RESPONSE = { responseCode: 0, responseDescription: 'Success', encryptedSymmetrickey: 'a2V5OjEyMzQ1' }

export const entry = (id: string, changes: Partial<ChatRequestRecord> = {}): AnswersEntry => ({
  id,
  result: { response: RESPONSE, ChatRequest: { ...CHAT, ...changes } },
})

/** The same date in all three places. */
export const dated = (id: string, date: string): AnswersEntry =>
  entry(id, { CreationDate: date, KeepAliveRouterDate: date, AssignAgentRouterDate: date })

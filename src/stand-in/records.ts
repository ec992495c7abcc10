/** What the service can answer for a connection id, in the names of the wire. */

/** Names of the wire. null or left out: the element is not sent (an int is 0 then, a date .NET's least). */
export interface ResponseRecord {
  responseCode?: number | null
  responseDescription?: string | null
  encryptedSymmetrickey?: string | null
}

/** Names of the wire; dates are the characters on the wire. */
export interface ChatRequestRecord {
  IdRequest?: number | null
  CaseNumber?: number | null
  CreationDate?: string | null
  IdQueue?: number | null
  KeepAliveRouterDate?: string | null
  AssignAgentRouterDate?: string | null
  IdConnection?: number | null
  IdRequestTransfer?: number | null
  UserName?: string | null
  UserLastName?: string | null
  UserEmail?: string | null
  UserOffsetTime?: number | null
  EncryptedChatRequestId?: string | null
}

export interface ResultRecord {
  response?: ResponseRecord | null
  ChatRequest?: ChatRequestRecord | null
}

export interface FaultRecord {
  code: 'Client' | 'Server'
  /** The whole fault string, as it is sent. */
  string: string
  actor?: string
  /** XML, put inside the detail element as it is. */
  detail?: string
}

interface EntryBase {
  id: string
  /** Milliseconds that this answer takes beside the stand-in's latency. */
  delayMs?: number
}
export interface ResultEntry extends EntryBase {
  result: ResultRecord | null
}
export interface FaultEntry extends EntryBase {
  fault: FaultRecord
}
export type AnswersEntry = ResultEntry | FaultEntry

export type FieldKind = 'int' | 'dateTime' | 'string'

/** In the order of the wire. */
export const RESPONSE_FIELDS: Readonly<Record<keyof ResponseRecord, FieldKind>> = {
  responseCode: 'int',
  responseDescription: 'string',
  encryptedSymmetrickey: 'string',
}
export const CHAT_REQUEST_FIELDS: Readonly<Record<keyof ChatRequestRecord, FieldKind>> = {
  IdRequest: 'int',
  CaseNumber: 'int',
  CreationDate: 'dateTime',
  IdQueue: 'int',
  KeepAliveRouterDate: 'dateTime',
  AssignAgentRouterDate: 'dateTime',
  IdConnection: 'int',
  IdRequestTransfer: 'int',
  UserName: 'string',
  UserLastName: 'string',
  UserEmail: 'string',
  UserOffsetTime: 'int',
  EncryptedChatRequestId: 'string',
}

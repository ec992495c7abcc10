/**
 * ChatRequest: what the service knows about a chat, in our own names and types.
 *
 * Strings are exactly the service's characters. An element that was not sent (or is `xsi:nil`) is null, an empty one is
 * the empty string. Dates are the service's own text, with its offset or without one; .NET's least date is null.
 */
export interface ChatRequest {
  idRequest: number | null
  caseNumber: number | null
  creationDate: string | null
  idQueue: number | null
  keepAliveRouterDate: string | null
  assignAgentRouterDate: string | null
  idConnection: number | null
  idRequestTransfer: number | null
  userName: string | null
  userLastName: string | null
  userEmail: string | null
  /** Minutes. */
  userOffsetTime: number | null
  encryptedChatRequestId: string | null
}

/** The `response` element that goes with it. */
export interface ServiceResponse {
  code: number | null
  description: string | null
  encryptedSymmetricKey: string | null
}

/** What the service said in an answer that is not a fault. Either part may be missing. */
export interface ServiceRecord {
  response: ServiceResponse | null
  chatRequest: ChatRequest | null
}

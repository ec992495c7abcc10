/**
 * The one source of what a result is: the types of `result.ts` and `chat-request.ts` are made of these schemas, and so is
 * `schemas/result.json`. Nothing in a lookup's way runs them.
 */

import * as z from 'zod/mini'
import { FAILURE_CODES } from './failure.ts'
import { RESULT_STATUSES } from './result.ts'

const text = (description: string) => z.nullable(z.string()).check(z.describe(description))
const integer = (description: string) => z.nullable(z.int32()).check(z.describe(description))
const count = (description: string) => z.int().check(z.minimum(0), z.describe(description))
const time = (description: string) => z.iso.datetime().check(z.describe(description))

export const chatRequestSchema = z.object({
  idRequest: integer('IdRequest of the service'),
  caseNumber: integer('CaseNumber'),
  creationDate: text("CreationDate, the service's own text"),
  idQueue: integer('IdQueue'),
  keepAliveRouterDate: text("KeepAliveRouterDate, the service's own text"),
  assignAgentRouterDate: text("AssignAgentRouterDate, the service's own text"),
  idConnection: integer('IdConnection'),
  idRequestTransfer: integer('IdRequestTransfer'),
  userName: text('UserName'),
  userLastName: text('UserLastName'),
  userEmail: text('UserEmail'),
  userOffsetTime: integer('UserOffsetTime, minutes'),
  encryptedChatRequestId: text('EncryptedChatRequestId'),
})

export const responseSchema = z.object({
  code: integer('responseCode of the service'),
  description: text('responseDescription'),
  encryptedSymmetricKey: text('encryptedSymmetrickey'),
})

export const resultFailureSchema = z.object({
  code: z.enum(FAILURE_CODES),
  message: z.string().check(z.describe('words of ours: no text of the service, none of the customer')),
  soapFaultCode: z.exactOptional(z.string().check(z.describe('Client, Server, …: the last answer was a fault'))),
  httpStatus: z.exactOptional(z.int().check(z.describe('of an answer whose status was not 200'))),
})

export const timingSchema = z.object({
  waitedMs: count('from enqueued (or due) to its first start, and again after it had gone back'),
  pacedMs: count('for permits'),
  calledMs: count('on the wire, its own calls or one that it shared'),
  delayedMs: count('backoff and rechecks'),
  heldMs: count('while the fleet held it'),
})

export const resultSchema = z.object({
  version: z.literal(1),
  lookupId: z.string(),
  connectionId: text('null only if none could be read from an invalid lookup'),
  correlationId: text('as the lookup had it'),
  producer: text('as the lookup had it'),
  metadata: z.nullable(z.record(z.string(), z.unknown())).check(z.describe('as the lookup had it')),
  traceparent: z.exactOptional(z.string().check(z.describe('as the lookup had it, if it had one'))),
  status: z.enum(RESULT_STATUSES),
  chatRequest: z
    .nullable(chatRequestSchema)
    .check(z.describe('what the service knows of the chat; what it did not send is null, what it sent empty is ""')),
  response: z.nullable(responseSchema).check(z.describe("the service's response element")),
  failure: z.nullable(resultFailureSchema),
  calls: count('SOAP calls made for the lookup, in all its attempts'),
  attempts: count('times the lookup was run'),
  source: z
    .enum(['service', 'shared', 'cache'])
    .check(
      z.describe('shared: a call of another lookup of the same connection id; service also where no call was made'),
    ),
  timing: timingSchema,
  enqueuedAt: time('ISO 8601, UTC'),
  finishedAt: time('ISO 8601, UTC'),
  redrive: count('how often the lookup was put back after it gave up; 0 at first'),
})

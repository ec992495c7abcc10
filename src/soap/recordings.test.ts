import { describe, expect, it } from 'vitest'
import { recordedAnswers, recording } from '../../test/recordings/recording.ts'
import { type BodyEvidence, readBody } from './evidence.ts'
import { RequestWriter } from './request.ts'

const CREDENTIALS = {
  publicKey1: 'pk',
  encryptedUser: 'user',
  encryptedPassword: 'pass',
  encryptedSignature: 'sig',
}

const MARIA = {
  is: 'record',
  record: {
    response: { code: 0, description: 'Success', encryptedSymmetricKey: 'a2V5OjEyMzQ1' },
    chatRequest: {
      idRequest: 12346,
      caseNumber: 12347,
      creationDate: '2024-03-15T10:46:15',
      idQueue: 6,
      keepAliveRouterDate: '2024-03-15T10:46:45',
      assignAgentRouterDate: '2024-03-15T10:46:20',
      idConnection: 12345,
      idRequestTransfer: 0,
      userName: 'Maria',
      userLastName: 'Silva',
      userEmail: 'maria.silva.12345@example.com.br',
      userOffsetTime: -180,
      encryptedChatRequestId: 'cmVxOjEyMzQ1',
    },
  },
} satisfies BodyEvidence

const fault = (code: string): BodyEvidence => ({ is: 'fault', fault: { code, subcodes: [] } })

/** Written out by hand from the recordings. */
const EXPECTED: Record<string, { status: number; body: BodyEvidence }> = {
  'ok-soap11': { status: 200, body: MARIA },
  'ok-soap12': { status: 200, body: MARIA },
  'mix-soap12-envelope-as-text-xml': { status: 200, body: MARIA },
  'id11-accents': {
    status: 200,
    body: {
      is: 'record',
      record: {
        response: { code: 0, description: 'Success', encryptedSymmetricKey: 'a2V5OmFjY2VudHM=' },
        chatRequest: {
          idRequest: 459598,
          caseNumber: 459599,
          creationDate: '2024-03-15T11:00:27',
          idQueue: 8,
          keepAliveRouterDate: '2024-03-15T11:00:57',
          assignAgentRouterDate: '2024-03-15T11:00:32',
          idConnection: 459597,
          idRequestTransfer: 0,
          userName: 'João',
          userLastName: 'Conceição',
          userEmail: 'joão.conceição@example.com.br',
          userOffsetTime: -180,
          encryptedChatRequestId: 'cmVxOmFjY2VudHM=',
        },
      },
    },
  },
  'id11-empty': {
    status: 200,
    body: {
      is: 'record',
      record: {
        response: { code: 0, description: '', encryptedSymmetricKey: '' },
        chatRequest: {
          idRequest: 328008,
          caseNumber: 328009,
          creationDate: '2024-03-15T10:27:17',
          idQueue: 8,
          keepAliveRouterDate: '2024-03-15T10:27:47',
          assignAgentRouterDate: '2024-03-15T10:27:22',
          idConnection: 328007,
          idRequestTransfer: 0,
          userName: '',
          userLastName: '',
          userEmail: '',
          userOffsetTime: -180,
          encryptedChatRequestId: '',
        },
      },
    },
  },
  'id11-mindate': {
    status: 200,
    body: {
      is: 'record',
      record: {
        response: { code: 0, description: 'Success', encryptedSymmetricKey: 'a2V5Om1pbmRhdGU=' },
        chatRequest: {
          idRequest: 362613,
          caseNumber: 362614,
          creationDate: null,
          idQueue: 3,
          keepAliveRouterDate: null,
          assignAgentRouterDate: null,
          idConnection: 362612,
          idRequestTransfer: 0,
          userName: 'Maria',
          userLastName: 'Silva',
          userEmail: 'maria.silva.362612@example.com.br',
          userOffsetTime: -180,
          encryptedChatRequestId: 'cmVxOm1pbmRhdGU=',
        },
      },
    },
  },
  'id11-nochat': {
    status: 200,
    body: {
      is: 'record',
      record: {
        response: { code: 3, description: 'Chat request not found', encryptedSymmetricKey: null },
        chatRequest: null,
      },
    },
  },
  'id11-nochat-empty': {
    status: 200,
    body: {
      is: 'record',
      record: {
        response: { code: 3, description: 'Chat request not found', encryptedSymmetricKey: null },
        chatRequest: {
          idRequest: 0,
          caseNumber: 0,
          creationDate: null,
          idQueue: 0,
          keepAliveRouterDate: null,
          assignAgentRouterDate: null,
          idConnection: 0,
          idRequestTransfer: 0,
          userName: null,
          userLastName: null,
          userEmail: null,
          userOffsetTime: 0,
          encryptedChatRequestId: null,
        },
      },
    },
  },
  'id11-nullresult': { status: 200, body: { is: 'record', record: { response: null, chatRequest: null } } },
  'id11-nulls': {
    status: 200,
    body: {
      is: 'record',
      record: {
        response: { code: 0, description: null, encryptedSymmetricKey: null },
        chatRequest: {
          idRequest: 873903,
          caseNumber: 873904,
          creationDate: '2024-03-15T11:05:32',
          idQueue: 3,
          keepAliveRouterDate: '2024-03-15T11:06:02',
          assignAgentRouterDate: '2024-03-15T11:05:37',
          idConnection: 873902,
          idRequestTransfer: 0,
          userName: null,
          userLastName: null,
          userEmail: null,
          userOffsetTime: -180,
          encryptedChatRequestId: null,
        },
      },
    },
  },
  'id12-xmlchars': {
    status: 200,
    body: {
      is: 'record',
      record: {
        response: { code: 0, description: 'Success', encryptedSymmetricKey: 'a2V5OnhtbGNoYXJz' },
        chatRequest: {
          idRequest: 101468,
          caseNumber: 101469,
          creationDate: '2024-03-15T10:31:37',
          idQueue: 8,
          keepAliveRouterDate: '2024-03-15T10:32:07',
          assignAgentRouterDate: '2024-03-15T10:31:42',
          idConnection: 101467,
          idRequestTransfer: 0,
          userName: 'A & B < C > D',
          userLastName: 'O\'Brien "Zé" &amp; &lt;',
          userEmail: ']]> <![CDATA[x]]> <!-- c -->',
          userOffsetTime: -180,
          encryptedChatRequestId: 'cmVxOnhtbGNoYXJz',
        },
      },
    },
  },
  'action11-wrong': { status: 500, body: fault('Client') },
  'action12-missing-unknown-op': { status: 500, body: fault('Sender') },
  'id11-exception': { status: 500, body: fault('Server') },
  'id11-soapfault': { status: 500, body: fault('Client') },
  'id12-exception-inner': { status: 500, body: fault('Receiver') },
  'id12-soapfault': { status: 500, body: fault('Sender') },
  'ctype-json': { status: 415, body: { is: 'empty' } },
  'xml-malformed': { status: 400, body: { is: 'empty' } },
  'page-help': { status: 200, body: { is: 'html' } },
  'page-wsdl': { status: 200, body: { is: 'not-contract', problem: 'expected a SOAP envelope, got other XML' } },
}

describe('recordings of a real ASMX service', () => {
  it('are all expected here', () => {
    expect(Object.keys(EXPECTED).sort()).toEqual(recordedAnswers().sort())
  })

  it.each(Object.entries(EXPECTED))('%s is read exactly', (name, expected) => {
    const { status, contentType, body } = recording(`${name}.res`)
    const answer = {
      status,
      contentType,
      retryAfter: null,
      date: null,
      body: { is: 'complete' as const, bytes: body },
      bytes: 0,
    }
    expect({ status, body: readBody(answer) }).toEqual(expected)
  })

  it.each([
    ['1.1', 'ok-soap11'],
    ['1.2', 'ok-soap12'],
  ] as const)('the SOAP %s request is the recorded one', (version, name) => {
    expect(new RequestWriter(version).write(CREDENTIALS, '12345').body).toBe(recording(`${name}.req`).body.toString())
  })

  it('no answer cut short at any byte is a record', () => {
    const { contentType, body } = recording('ok-soap11.res')
    for (let length = 0; length < body.length; length++) {
      const bytes = body.subarray(0, length)
      const read = readBody({
        status: 200,
        contentType,
        retryAfter: null,
        date: null,
        body: { is: 'complete', bytes },
        bytes: length,
      })
      expect(['empty', 'unreadable'], `cut at ${length}`).toContain(read.is)
    }
  })
})

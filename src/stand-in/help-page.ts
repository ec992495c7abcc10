/** The help page of the .asmx, word for word. Local callers also get the test form. */

import { escapeHtml } from './error-pages.ts'
import type { EnvelopeVersion } from './reply.ts'
import { ACTION } from './routing.ts'
import { ENVELOPE_NAMESPACE, OPERATION, SERVICE_NAMESPACE } from './soap-read.ts'
import { postSampleRequest, postSampleResponse, testForm } from './test-form.ts'

export const SERVICE_NAME = 'TPClientWebServicesAPI'
export const SERVICE_PATH = `/semp/${SERVICE_NAME}.asmx`

const PREFIX: Record<EnvelopeVersion, string> = { '1.1': 'soap', '1.2': 'soap12' }
const MEDIA_TYPE: Record<EnvelopeVersion, string> = { '1.1': 'text/xml', '1.2': 'application/soap+xml' }

const REQUEST_BODY = `    <${OPERATION} xmlns="${SERVICE_NAMESPACE}">
      <PublicKey1>string</PublicKey1>
      <EncryptedUser>string</EncryptedUser>
      <EncryptedPassword>string</EncryptedPassword>
      <EncryptedSignature>string</EncryptedSignature>
      <ChatConnectionIDBD>string</ChatConnectionIDBD>
    </${OPERATION}>`

const RESULT_FIELDS = `        <response>
          <responseCode>int</responseCode>
          <responseDescription>string</responseDescription>
          <encryptedSymmetrickey>string</encryptedSymmetrickey>
        </response>
        <ChatRequest>
          <IdRequest>int</IdRequest>
          <CaseNumber>int</CaseNumber>
          <CreationDate>dateTime</CreationDate>
          <IdQueue>int</IdQueue>
          <KeepAliveRouterDate>dateTime</KeepAliveRouterDate>
          <AssignAgentRouterDate>dateTime</AssignAgentRouterDate>
          <IdConnection>int</IdConnection>
          <IdRequestTransfer>int</IdRequestTransfer>
          <UserName>string</UserName>
          <UserLastName>string</UserLastName>
          <UserEmail>string</UserEmail>
          <UserOffsetTime>int</UserOffsetTime>
          <EncryptedChatRequestId>string</EncryptedChatRequestId>
        </ChatRequest>`

const RESPONSE_BODY = `    <${OPERATION}Response xmlns="${SERVICE_NAMESPACE}">
      <${OPERATION}Result>
${RESULT_FIELDS}
      </${OPERATION}Result>
    </${OPERATION}Response>`

function envelope(version: EnvelopeVersion, body: string): string {
  const prefix = PREFIX[version]
  return `<?xml version="1.0" encoding="utf-8"?>
<${prefix}:Envelope xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:${prefix}="${ENVELOPE_NAMESPACE[version]}">
  <${prefix}:Body>
${body}
  </${prefix}:Body>
</${prefix}:Envelope>`
}

function sampleRequest(version: EnvelopeVersion, host: string): string {
  const action = version === '1.1' ? `\nSOAPAction: "${ACTION}"` : ''
  return `POST ${SERVICE_PATH} HTTP/1.1
Host: ${host}
Content-Type: ${MEDIA_TYPE[version]}; charset=utf-8
Content-Length: length${action}

${envelope(version, REQUEST_BODY)}`
}

function sampleResponse(version: EnvelopeVersion): string {
  return `HTTP/1.1 200 OK
Content-Type: ${MEDIA_TYPE[version]}; charset=utf-8
Content-Length: length

${envelope(version, RESPONSE_BODY)}`
}

function samples(version: EnvelopeVersion, host: string): string {
  return `      <h3>SOAP ${version}</h3>
      <p>The following is a sample SOAP ${version} request and response.  The <font class=value>placeholders</font> shown need to be replaced with actual values.</p>
      <pre>${preformatted(sampleRequest(version, host))}</pre>
      <pre>${preformatted(sampleResponse(version))}</pre>`
}

function postSamples(host: string): string {
  const result = RESULT_FIELDS.replace(/^ {6}/gm, '')
  const root = `<ChatRequestResult xmlns="${SERVICE_NAMESPACE}">\n${result}\n</ChatRequestResult>`
  return `      <h3>HTTP POST</h3>
      <p>The following is a sample HTTP POST request and response.  The <font class=value>placeholders</font> shown need to be replaced with actual values.</p>
      <pre>${preformatted(postSampleRequest(host, SERVICE_PATH))}</pre>
      <pre>${preformatted(postSampleResponse(root))}</pre>`
}

function preformatted(sample: string): string {
  return escapeHtml(sample).replace(
    /(&gt;|: |=)(string|int|dateTime|length)(?=&lt;|&amp;|\n|$)/g,
    '$1<font class=value>$2</font>',
  )
}

const STYLE = `
      BODY { color: #000000; background-color: white; font-family: Verdana; margin-left: 0px; margin-top: 0px; }
      #content { margin-left: 30px; font-size: .70em; padding-bottom: 2em; }
      .heading1 { color: #ffffff; font-family: Tahoma; font-size: 26px; font-weight: normal; background-color: #003366; margin: 0 0 10px -30px; padding: 10px 0 3px 15px; }
      pre { background-color: #e5e5cc; padding: 5px; font-family: Courier New; font-size: small; border: 1px #f0f0e0 solid; overflow-x: auto; }
      .value { color: blue; }
      h2 { font-size: 1.5em; color: #003366; border-top: 1px solid #003366; padding-top: .5em; }
      h3 { font-size: 1.1em; color: #000000; }
`

function page(content: string): string {
  return `<html>
  <head><link rel="alternate" type="text/xml" href="${SERVICE_PATH}?disco" />
    <style type="text/css">${STYLE}    </style>
    <title>${SERVICE_NAME} Web Service</title>
  </head>
  <body>
    <div id="content">
      <p class="heading1">${SERVICE_NAME}</p><br>
${content}
    </div>
  </body>
</html>
`
}

const NO_FORM = '      <p>The test form is only available for requests from the local machine.</p>'

function operation(host: string, local: boolean): string {
  return `      <p>Click <a href="${SERVICE_NAME}.asmx">here</a> for a complete list of operations.</p>
      <h2>${OPERATION}</h2>
      <h3>Test</h3>
${local ? testForm(host, SERVICE_PATH) : NO_FORM}
${samples('1.1', host)}
${samples('1.2', host)}${local ? `\n${postSamples(host)}` : ''}`
}

const LIST = `      <p>The following operations are supported.  For a formal definition, please review the <a href="${SERVICE_NAME}.asmx?WSDL">Service Description</a>.</p>
      <ul><li><a href="${SERVICE_NAME}.asmx?op=${OPERATION}">${OPERATION}</a></li></ul>`

export function operationPage(host: string, local: boolean): string {
  return page(operation(host, local))
}

/** The list of operations, and below it the only one there is. */
export function overviewPage(host: string, local: boolean): string {
  return page(`${LIST}\n${operation(host, local)}`)
}

/** What GET answers on the .asmx. */

import { yellowPage } from './error-pages.ts'
import type { Flavour } from './flavour.ts'
import { operationPage, overviewPage } from './help-page.ts'
import { htmlReply, type Reply } from './reply.ts'
import { OPERATION } from './soap-read.ts'
import { disco, wsdl } from './wsdl.ts'

/** `query` without its question mark, `host` from the Host header. `local` callers get the test form. */
export function documentation(query: string, host: string, flavour: Flavour, local: boolean): Reply {
  const asked = query.toLowerCase().split('&')
  if (asked.some((each) => each === 'wsdl' || each.startsWith('wsdl='))) return xmlReply(wsdl(host))
  if (asked.includes('disco')) return xmlReply(disco(host))
  const operation = new URLSearchParams(query).get('op')
  if (operation === null) return called(htmlReply(200, overviewPage(host, local)))
  if (!flavour.operationPage) return NO_OPERATION_PAGE
  return called(htmlReply(200, operation === OPERATION ? operationPage(host, local) : overviewPage(host, local)))
}

const NO_OPERATION_PAGE = yellowPage(
  'Object reference not set to an instance of an object',
  'System.NullReferenceException',
  '  at ASP.DefaultWsdlHelpGenerator.__Render__control1 (System.Web.UI.HtmlTextWriter __output, System.Web.UI.Control parameterContainer)',
)

function xmlReply(body: string): Reply {
  return {
    status: 200,
    headers: ['Cache-Control', 'private, max-age=0', 'Content-Type', 'text/xml; charset=utf-8'],
    body,
  }
}

function called(reply: Reply): Reply {
  return { ...reply, headers: ['Cache-Control', 'private, max-age=0', ...reply.headers.slice(2)] }
}

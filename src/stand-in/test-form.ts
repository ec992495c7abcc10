/** What the operation page shows besides to callers on the same machine: the form to try it, and the samples of what it sends. */

import { escapeHtml } from './error-pages.ts'
import { OPERATION, PARAMETER_NAMES } from './soap-read.ts'

const ROWS = PARAMETER_NAMES.map(
  (name) => `          <tr>
            <td class="frmText">${name}:</td>
            <td><input class="frmInput" type="text" size="50" name="${name}"></td>
          </tr>`,
).join('\n')

/** `path` is that of the .asmx. */
export function testForm(host: string, path: string): string {
  const action = escapeHtml(`http://${host}${path}/${OPERATION}`)
  return `      <p>To test the operation using the HTTP POST protocol, click the 'Invoke' button.</p>
      <form target="_blank" action="${action}" method="POST">
        <table cellspacing="0" cellpadding="4" frame="box" rules="none">
          <tr><td class="frmHeader">Parameter</td><td class="frmHeader">Value</td></tr>
${ROWS}
          <tr><td></td><td align="right"><input type="submit" value="Invoke" class="button"></td></tr>
        </table>
      </form>`
}

export function postSampleRequest(host: string, path: string): string {
  return `POST ${path}/${OPERATION} HTTP/1.1
Host: ${host}
Content-Type: application/x-www-form-urlencoded
Content-Length: length

${PARAMETER_NAMES.map((name) => `${name}=string`).join('&')}`
}

/** `root` is the element of the result. */
export function postSampleResponse(root: string): string {
  return `HTTP/1.1 200 OK
Content-Type: text/xml; charset=utf-8
Content-Length: length

<?xml version="1.0" encoding="utf-8"?>
${root}`
}

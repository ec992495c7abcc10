/** The pages that IIS and ASP.NET show when something other than the method answers. */

import { htmlReply, type Reply } from './reply.ts'

export function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}

/** IIS's plain page for an error that it finds itself. */
export function iisPage(status: number, title: string, reason: string, headers: readonly string[] = []): Reply {
  const body = `<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd">
<html xmlns="http://www.w3.org/1999/xhtml">
<head>
<meta http-equiv="Content-Type" content="text/html; charset=utf-8"/>
<title>${status} - ${title}</title>
</head>
<body>
<div id="header"><h1>Server Error</h1></div>
<div id="content">
 <div class="content-container"><fieldset>
  <h2>${status} - ${title}</h2>
  <h3>${reason}</h3>
 </fieldset></div>
</div>
</body>
</html>
`
  return htmlReply(status, body, headers)
}

/** ASP.NET's yellow page: what an unhandled exception looks like outside SOAP. */
export function yellowPage(message: string, exception: string, stack: string): Reply {
  const text = escapeHtml(message)
  const body = `<!DOCTYPE html>
<html>
    <head>
        <title>${text}</title>
        <meta name="viewport" content="width=device-width" />
        <style>body {font-family:"Verdana";font-weight:normal;font-size: .7em;color:black;} H1 { font-family:"Verdana";font-weight:normal;font-size:18pt;color:red } H2 { font-family:"Verdana";font-weight:normal;font-size:14pt;color:maroon }</style>
    </head>
    <body bgcolor="white">
            <span><H1>Server Error in '/semp' Application.<hr width=100% size=1 color=silver></H1>
            <h2> <i>${text}</i> </h2></span>
            <b> Description: </b>An unhandled exception occurred during the execution of the current web request. Please review the stack trace for more information about the error and where it originated in the code.<br><br>
            <b> Exception Details: </b>${escapeHtml(exception)}: ${text}<br><br>
            <b>Stack Trace:</b> <br><br>
            <table width=100% bgcolor="#ffffcc"><tr><td><code><pre>
[${escapeHtml(exception)}: ${text}]
${escapeHtml(stack)}
</pre></code></td></tr></table>
    </body>
</html>
`
  return htmlReply(500, body)
}

export function unrecognisedUrl(tail: string): Reply {
  return yellowPage(
    `Request format is unrecognized for URL unexpectedly ending in '${tail}'.`,
    'System.InvalidOperationException',
    '   System.Web.Services.Protocols.WebServiceHandlerFactory.CoreGetHandler(Type type, HttpContext context, HttpRequest request, HttpResponse response)',
  )
}

export const NOT_FOUND: Reply = iisPage(
  404,
  'File or directory not found.',
  'The resource you are looking for might have been removed, had its name changed, or is temporarily unavailable.',
)

/**
 * IIS asks the handler of .asmx only for its own verbs. The handler of static files refuses all others, with its own
 * list.
 */
export const METHOD_NOT_ALLOWED: Reply = iisPage(
  405,
  'HTTP verb used to access this page is not allowed.',
  'The page you are looking for cannot be displayed because an invalid method (HTTP verb) was used to attempt access.',
  ['Allow', 'GET, HEAD, OPTIONS, TRACE'],
)

const CHALLENGES = ['WWW-Authenticate', 'Negotiate', 'WWW-Authenticate', 'NTLM']

export function unauthorised(customer: string): Reply {
  const reason = 'You do not have permission to view this directory or page using the credentials that you supplied.'
  const title = 'Unauthorized: Access is denied due to invalid credentials.'
  return iisPage(401, title, customer === '' ? reason : `${escapeHtml(customer)}: ${reason}`, CHALLENGES)
}

export function forbidden(customer: string): Reply {
  const reason = `${escapeHtml(customer)}: You do not have permission to view this directory or page using the credentials that you supplied.`
  return iisPage(403, 'Forbidden: Access is denied.', reason)
}

/** More than IIS accepts (maxAllowedContentLength): it answers and closes the connection. */
export const TOO_LARGE: Reply = iisPage(
  413,
  'Request entity too large.',
  'The request entity is larger than allowed.',
  ['Connection', 'close'],
)

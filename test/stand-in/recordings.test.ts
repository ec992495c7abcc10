import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FLAVOURS } from '../../src/stand-in/flavour.ts'
import { documentation } from '../../src/stand-in/pages.ts'
import { parseAnswers, type StandIn, startStandIn } from '../../src/stand-in/stand-in.ts'
import { ask } from './ask.ts'
import { readRecording, recordedAnswer, recordedRequest } from './recordings.ts'

const answers = parseAnswers(readFileSync(new URL('./recordings/answers.json', import.meta.url), 'utf8'))

/** What ASP.NET says the same on Mono and on IIS. */
const SAME_EVERYWHERE = [
  'ok-soap11',
  'ok-soap12',
  'mix-soap12-envelope-as-text-xml',
  'id11-accents',
  'id11-empty',
  'id11-mindate',
  'id11-nochat',
  'id11-nochat-empty',
  'id11-nullresult',
  'id11-nulls',
  'id12-xmlchars',
  'id11-exception',
  'id11-soapfault',
  'id12-exception-inner',
  'id12-soapfault',
  'action12-missing-unknown-op',
  'ctype-json',
  'xml-malformed',
]

let iis: StandIn
let mono: StandIn
beforeAll(async () => {
  iis = await startStandIn({ answers })
  mono = await startStandIn({ answers, flavour: 'mono' })
})
afterAll(() => Promise.all([iis.close(), mono.close()]))

const HEADERS_OF_THE_SERVICE = ['content-type', 'cache-control', 'x-aspnet-version']

describe('recorded requests get the recorded answers', () => {
  it.each(SAME_EVERYWHERE)('%s, on IIS', async (name) => {
    const recorded = recordedAnswer(name)
    const got = await ask(iis, recordedRequest(name))
    expect(got.status).toBe(recorded.status)
    expect(got.text).toBe(recorded.body.toString())
    for (const header of HEADERS_OF_THE_SERVICE) expect(got.headers[header]).toBe(recorded.headers[header])
  })

  it.each([...SAME_EVERYWHERE, 'action11-wrong', 'page-wsdl'])('%s, on Mono', async (name) => {
    const recorded = recordedAnswer(name)
    const got = await ask(mono, recordedRequest(name))
    expect(got.status).toBe(recorded.status)
    expect(got.bytes).toEqual(recorded.body)
    for (const header of HEADERS_OF_THE_SERVICE) expect(got.headers[header]).toBe(recorded.headers[header])
    expect(got.headers.server).toBe(recorded.headers.server)
  })
})

describe('where IIS is not Mono', () => {
  it('fills in the texts', async () => {
    const got = await ask(iis, recordedRequest('action11-wrong'))
    const filledIn = recordedAnswer('action11-wrong')
      .body.toString()
      .replace('{0}: {1}', 'SOAPAction: http://tempuri.org/NoSuchOperation')
    expect(got.status).toBe(500)
    expect(got.text).toBe(filledIn)
  })

  it('keeps the connection, and says nothing of it', async () => {
    for (const name of ['ok-soap11', 'id11-exception', 'xml-malformed']) {
      const got = await ask(iis, recordedRequest(name))
      expect(got.headers['keep-alive']).toBeUndefined()
      expect(got.headers['x-powered-by']).toBe('ASP.NET')
      expect(got.headers.server).toBe('Microsoft-IIS/10.0')
    }
  })
})

describe('the help page', () => {
  const words = (text: string) => text.split(/\s+/).filter(Boolean).join(' ')
  const given = words(readRecording('help-page.txt').toString())
  const shown = (page: string) => {
    const body = page.slice(page.indexOf('<body>')).replace(/<[^>]*>/g, ' \u0001')
    const text = body.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&quot;', '"').replaceAll('&amp;', '&')
    return words(text.replaceAll(' \u0001', ''))
  }
  const host = { host: 'semp.teleperformance.com.br' }

  it('of the operation is, for callers from elsewhere, the given page, word for word', () => {
    const page = documentation('op=GetChatRequestByConnectionId', host.host, FLAVOURS.iis, false)
    expect(page.status).toBe(200)
    expect(page.headers).toContain('text/html; charset=utf-8')
    expect(shown(page.body.toString()).replaceAll(' ', '')).toBe(given.replaceAll(' ', ''))
  })

  it.each(['/semp/TPClientWebServicesAPI.asmx', '/SEMP/tpclientwebservicesapi.ASMX'])(
    'holds the samples at %s',
    async (path) => {
      const got = await ask(iis, { path, headers: host })
      expect(got.status).toBe(200)
      expect(shown(got.text).replaceAll(' ', '')).toContain(given.slice(given.indexOf('SOAP 1.1')).replaceAll(' ', ''))
    },
  )

  it('shows the host under which it was asked for, escaped', async () => {
    const got = await ask(iis, { headers: { host: 'a.example:8443' } })
    expect(got.text).toContain('Host: a.example:8443')
    expect((await ask(iis, { headers: { host: '<b>' } })).text).not.toContain('Host: <b>')
  })
})

describe('the WSDL', () => {
  it.each(['WSDL', 'wsdl', 'Wsdl'])('at ?%s has both bindings at the address of the Host header', async (query) => {
    const got = await ask(iis, {
      path: `/semp/TPClientWebServicesAPI.asmx?${query}`,
      headers: { host: 'x.example:81' },
    })
    expect(got.headers['content-type']).toBe('text/xml; charset=utf-8')
    const addresses = [...got.text.matchAll(/<(soap|soap12):address location="([^"]*)"/g)].map(([, kind, at]) => [
      kind,
      at,
    ])
    const at = 'http://x.example:81/semp/TPClientWebServicesAPI.asmx'
    expect(addresses).toEqual([
      ['soap', at],
      ['soap12', at],
    ])
  })
})

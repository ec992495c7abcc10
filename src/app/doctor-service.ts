/** `doctor` on the SOAP service: one GET for its WSDL, and one call where a connection id is known. */

import { monotonic, now } from '../clock.ts'
import type { ConfigOf } from '../config/config.ts'
import type { CallEnd, FailedCall, Outcome } from '../domain/call-end.ts'
import { stateOf } from '../fleet/certificates.ts'
import { type Finding, fail, pass, warn } from '../fleet/finding.ts'
import { ServiceMemories } from '../gate/service-memory.ts'
import type { Redis } from '../redis/connections.ts'
import { lookAtService, type ServiceLook, type WsdlLook } from '../soap/wsdl.ts'
import { gateKeysOf } from './gate-settings.ts'
import { type OneCallConfig, oneCall } from './one-call.ts'
import { unanswered } from './service-troubles.ts'
import { type SoapConfig, soapSettings } from './soap-settings.ts'

const WSDL_MAY_TAKE_MS = 10_000
const DAY_MS = 86_400_000

/** Whether the endpoint is there, trusted, and the service that we want. */
export async function checkService(config: SoapConfig): Promise<Finding[]> {
  const settings = { ...soapSettings(config), callTimeoutMs: Math.min(config.soapCallTimeoutMs, WSDL_MAY_TAKE_MS) }
  const seen = await lookAtService(settings, new AbortController().signal)
  if (seen.look.is === 'no-answer') return [unanswered(seen.look.code, config)]
  const reached = pass('service-reached', 'the service answers')
  return [reached, ...certificateOf(seen), ...clockOf(seen), wsdlOf(seen.look, config)]
}

/** A cache before it may give an answer that is some minutes old. */
const ODD_CLOCK_MS = 10 * 60_000

function clockOf({ clock }: ServiceLook): Finding[] {
  if (clock === null) return []
  const aheadMs = clock - now()
  const minutes = Math.round(Math.abs(aheadMs) / 60_000)
  if (Math.abs(aheadMs) < ODD_CLOCK_MS) return [pass('service-clock', 'its clock is that of this machine')]
  const says = `its clock is ${minutes} min ${aheadMs < 0 ? 'behind' : 'ahead of'} this machine's`
  return [
    warn('service-clock', says, 'see by NTP which is wrong: dates of chats, certificates and credentials depend on it'),
  ]
}

function certificateOf({ certificateExpiresAt: at }: ServiceLook): Finding[] {
  if (at === null) return []
  const leftMs = at - now()
  const says = `its certificate is trusted, and valid for ${Math.floor(leftMs / DAY_MS)} more days`
  if (stateOf(leftMs) === 'good') return [pass('service-certificate', says)]
  const cure = 'have its owner renew it: when it ends, the fleet holds'
  return [warn('service-certificate', says, cure)]
}

function wsdlOf(look: Exclude<WsdlLook, { is: 'no-answer' }>, config: SoapConfig): Finding {
  const { soapVersion } = config
  if (look.is === 'status') return statusOf(look.status, config)
  if (look.is === 'page')
    return fail(
      'service-wsdl',
      'it answers with an HTML page instead of its WSDL',
      'correct SOAP_ENDPOINT: the URL ends in .asmx; a login page means that something stands before it',
    )
  if (look.is === 'no-wsdl')
    return fail('service-wsdl', 'what it gives as its WSDL is none', 'correct SOAP_ENDPOINT: the URL ends in .asmx')
  if (!look.hasOperation)
    return fail(
      'service-wsdl',
      'its WSDL has no operation GetChatRequestByConnectionId of http://tempuri.org/',
      'correct SOAP_ENDPOINT: this is another service, or another release of it',
    )
  if (!look.versions.includes(soapVersion))
    return fail(
      'service-wsdl',
      `its WSDL offers SOAP ${look.versions.join(' and ') || 'in no version'}, and SOAP_VERSION is ${soapVersion}`,
      `SOAP_VERSION=${look.versions[0] ?? '1.1'}`,
    )
  return pass('service-wsdl', `its WSDL has our operation, in SOAP ${look.versions.join(' and ')}`)
}

function statusOf(status: number, { soapEndpoint }: SoapConfig): Finding {
  const says = `HTTP ${status} for its WSDL`
  if (/\.asmx\//i.test(soapEndpoint ?? ''))
    return fail('service-wsdl', `${says}: something follows .asmx in SOAP_ENDPOINT`, 'end it with .asmx')
  if (status >= 300 && status < 400)
    return fail(
      'service-wsdl',
      `${says}: a redirect, which is not followed`,
      'set SOAP_ENDPOINT to where it leads; a login page means that something stands before it',
    )
  if (status === 401 || status === 403)
    return fail(
      'service-wsdl',
      `${says}: refused`,
      'set user and password in SOAP_ENDPOINT (Basic), or the client certificate; or let this machine in',
    )
  if (status === 404) return fail('service-wsdl', `${says}: there is no such path`, 'correct the path of SOAP_ENDPOINT')
  return warn('service-wsdl', says, 'some services show no WSDL: then only the call below tells')
}

/** A service that shows no WSDL is one all the same, if it answers a call. */
export function withAnswer(look: readonly Finding[], answer: readonly Finding[]): Finding[] {
  const isAnswered = answer.some(({ check }) => check === 'response-codes')
  if (!isAnswered || answer.some(({ status }) => status === 'fail')) return [...look]
  return look.map((finding) =>
    finding.check === 'service-wsdl' && finding.status === 'fail'
      ? warn('service-wsdl', `${finding.says}; yet it answers calls`, 'nothing, if it is the service that is meant')
      : finding,
  )
}

/** Why no call was made. `held`: the reasons of the holds that are on. */
export type NotAsked = 'no Redis' | 'no answer' | { held: string[] }

export function notAsked(why: NotAsked): Finding {
  if (why === 'no Redis')
    return warn('service-answers', 'not called: there is no Redis to ask for a permit', 'mend Redis first')
  if (why === 'no answer') return warn('service-answers', 'not called: it cannot be reached', 'mend that first')
  const says = `not called, because the fleet is held (${why.held.join(', ')})`
  return warn('service-answers', says, 'chat-enricher lookup ID makes one call, as the next probe')
}

const CALL_MAY_TAKE_MS = 15_000

/** One call within the fleet's limits, for the id of probes; nothing of its answer is shown but the code. */
export async function checkAnswer(redis: Redis, config: OneCallConfig): Promise<Finding[]> {
  const connectionId = config.soapProbeConnectionId ?? (await knownId(redis, config))
  if (connectionId === null)
    return [
      pass(
        'service-answers',
        'not called: no connection id is known; set SOAP_PROBE_CONNECTION_ID to have one asked for',
      ),
    ]
  const stop = new AbortController()
  const give = (why: Finding) => stop.abort(why)
  const timer = setTimeout(() => give(tooLate()), CALL_MAY_TAKE_MS)
  const startedAt = monotonic()
  try {
    const news = {
      withoutGate: () => give(notAsked('no Redis')),
      waiting: () => {},
      held: () => give(notAsked({ held: ['since a moment'] })),
    }
    const end = await oneCall(config, connectionId, stop.signal, news)
    return meant(end, config, Math.round(monotonic() - startedAt))
  } catch (error) {
    if (stop.signal.aborted) return [stop.signal.reason as Finding]
    throw error
  } finally {
    clearTimeout(timer)
  }
}

function tooLate(): Finding {
  const says = `no permit and answer within ${CALL_MAY_TAKE_MS / 1000} s`
  return warn('service-answers', says, 'chat-enricher limit shows the pace; see what else calls')
}

async function knownId(redis: Redis, config: OneCallConfig): Promise<string | null> {
  const { enriched, answered } = await new ServiceMemories(redis, gateKeysOf(config)).read()
  return enriched ?? answered[0] ?? null
}

function meant(end: CallEnd, config: SoapConfig, ms: number): Finding[] {
  return 'outcome' in end ? answered(end.outcome, config, ms) : [failed(end, config)]
}

function answered({ status, response, chatRequest }: Outcome, config: SoapConfig, ms: number): Finding[] {
  const code = response?.code ?? null
  if (status === 'enriched')
    return [pass('service-answers', `one call was answered in ${ms} ms, with a ChatRequest`), ...codeOf(code, config)]
  if (code !== null && code !== 0 && chatRequest === null && !listedCodes(config).has(code))
    return [refusedInBand(code)]
  const cure = 'set SOAP_PROBE_CONNECTION_ID to an id that it knows'
  return [
    warn('service-answers', 'one call was answered, and the service does not know the id that is probed with', cure),
    ...codeOf(code, config),
  ]
}

const CHECK_CREDENTIALS =
  'check the four credentials: none swapped with another, none with a blank or a line break, none of another environment'

const OR_HEADERS = '; or a proxy between changes SOAPAction or Content-Type of our requests'

function refusedInBand(code: number): Finding {
  const says = `an id that it should know got responseCode ${code}, which is in none of SOAP_*_CODES, and no ChatRequest`
  return fail(
    'service-answers',
    says,
    `${CHECK_CREDENTIALS}; if ${code} means refused, SOAP_HOLD_CODES=${code}; if not found, SOAP_NOT_FOUND_CODES`,
  )
}

function codeOf(code: number | null, config: SoapConfig): Finding[] {
  const listed = listedCodes(config)
  if (code === null || code === 0 || listed.has(code))
    return [pass('response-codes', 'its responseCode is as expected')]
  return [
    warn(
      'response-codes',
      `it answers with responseCode ${code}, which is in none of SOAP_*_CODES`,
      'find out what it means, and put it into one of them',
    ),
  ]
}

/** In any of the lists. */
export function listedCodes(config: ConfigOf<'soap'>): ReadonlySet<number> {
  const { soapEnrichedCodes, soapNotFoundCodes, soapRetryCodes, soapHoldCodes } = config
  return new Set(
    [soapEnrichedCodes, soapNotFoundCodes, soapRetryCodes, soapHoldCodes].flatMap((codes) => [...(codes ?? [])]),
  )
}

function failed({ failure, record }: FailedCall, config: SoapConfig): Finding {
  const code = record?.response?.code ?? failure.responseCode ?? null
  const says = `one call failed: ${failure.message}${failure.code === 'response-code' && code !== null ? ` (responseCode ${code})` : ''}`
  if (failure.code === 'response-code' && code !== null && !listedCodes(config).has(code) && record?.chatRequest)
    return warn(
      'response-codes',
      `it answers with responseCode ${code}, which is in none of SOAP_*_CODES, beside a ChatRequest`,
      `find out what it means; if that is right, add ${code} to SOAP_ENRICHED_CODES`,
    )
  if (failure.class === 'permanent' || failure.class === 'configuration')
    return fail(
      'service-answers',
      says,
      failure.code === 'soap-fault' ? `${CHECK_CREDENTIALS}${OR_HEADERS}` : CHECK_CREDENTIALS,
    )
  return fail('service-answers', says, 'see whether the service is well; workers try again by themselves')
}

/**
 * Every text of the console, so that another language is one file more. It is given facts (codes, kinds, counts); where English
 * says the same as the command line, it says it with the same function, and another language has its own here.
 */

import { answerInWords } from '../../domain/failure.ts'
import { counted, number } from '../../domain/figures.ts'
import { type Hold, NOT_FOUND } from '../../domain/hold.ts'
import type { Waits } from '../../domain/waits.ts'
import { certificatesInWords } from '../../fleet/certificates.ts'
import { fullInWords, NO_WORKER, sentenceOf } from '../../fleet/sentence.ts'

const figure = (value: number) => number.format(value, 1)
/** A worker writes what it has counted once in ten seconds. */
const NOT_YET = 'Not known yet: no worker has written anything in the last hour.'
type Limit = readonly (number | null)[] | null
const limitIn = (values: Limit) =>
  values === null
    ? 'not known'
    : values.map((value) => (value === null ? 'no limit' : number.format(value))).join(' or ')
const slowed = (values: Limit, share: number | null): Limit =>
  values?.map((value) => (value === null ? null : value * (share ?? 1))) ?? null
const FAILURES: Readonly<Record<string, string>> = {
  invalid: 'the lookup itself cannot be read',
  'soap-fault': 'the service answered with a SOAP fault',
  'http-status': 'an HTTP status that is no answer',
  network: 'no connection, or it broke',
  timeout: 'no answer in time',
  unreadable: 'an answer that is not well-formed SOAP',
  'too-large': 'an answer above the size limit',
  contract: "well-formed SOAP that is not what the service's page promises",
  'response-code': "the service's own responseCode says no",
  poison: 'its processing ended the process again and again',
  expired: "no answer before the lookup's time was up",
  cancelled: 'ended before it started',
}
/** With what the fleet says of this one, where that says more. */
const failure = (code: string, details: string | null) => {
  const meaning = FAILURES[code]
  const more = details === null || details === meaning ? '' : meaning ? `; ${details}` : `: ${details}`
  return `${code}${meaning ? `: ${meaning}` : ''}${more}`
}
const HOLD_CURES: Readonly<Record<Hold['reason'], string>> = {
  service: 'nothing, it ends by itself when the service answers',
  configuration:
    'check SOAP_ENDPOINT, credentials and certificates. Changed files are tried at once; if it was mended elsewhere: release',
  results: 'have the results consumed, or raise RESULT_BACKLOG_LIMIT',
  quota: 'wait until the quota frees; or raise QUOTA_CALLS, restart the workers, then release',
  manual: 'release, when it is over',
}
/** What to do where the suspected kind of answer is right after all. */
const ifItIsRight = (kind: string | null) => {
  if (kind === NOT_FOUND) return '; if it was really deleted: release'
  const [what, which] = kind?.split(':') ?? []
  if (what === 'fault') return '; if these lookups are really wrong: release'
  return what === 'code' ? `; if responseCode ${which} is right: accept it, or set it in SOAP_NOT_FOUND_CODES` : ''
}
const percent = (share: number) => `${figure(100 * share)} %`
/** What comes of a limit while the fleet goes at a part of its pace. */
const slowedTo = (rate: number | null, share: number | null) =>
  share === null || rate === null
    ? ''
    : ` As long as the fleet goes at ${percent(share)} of its pace, that is ${number.format(rate * share)}.`
const perSecond = (value: number | null) => (value === null ? 'unknown' : `${figure(value)}/s`)

export const T = {
  figure,
  rate: figure,
  failure,
  failures: FAILURES,
  none: 'none',

  views: {
    now: 'Now',
    find: 'Find',
    'dead-letters': 'Dead letters',
    service: 'Service',
    fleet: 'Fleet',
    activity: 'Activity',
  },

  frame: {
    skip: 'Skip to the view',
    views: 'Views',
    live: 'live',
    connecting: 'connecting …',
    noAnswer: 'no answer yet',
    pause: 'Pause',
    goOn: 'Go on',
    paused: (at: string | null) => (at === null ? 'paused' : `paused; as it was at ${at}`),
    stale: (at: string, ago: string) => `stale since ${at}, ${ago}`,
    local: 'on this machine',
    logOut: 'Log out',
    noView: 'Your token may not look at the fleet: it has neither the role view nor operate.',
    zone: (zone: string) => `Times are ${zone}. "/" searches, Esc closes.`,
  },

  logIn: {
    token: 'Token',
    submit: 'Log in',
    help: 'A token of API_TOKENS. It is sent once and is not kept in this browser; a cookie stands for it until you log out.',
    ended: 'Your session has ended. Log in again; nothing that runs is stopped by that.',
    unknown: 'There is no such token.',
    failed: 'The API did not answer. Try again.',
  },

  trouble: {
    api: 'The API does not answer.',
    status: (status: number) => `The API answered HTTP ${status}, and does not say why.`,
    redis: 'The API cannot reach Redis. Lookups that were accepted are kept there; nothing moves until it is back.',
    shown: (at: string) => `What is shown is as it was at ${at}.`,
  },

  how: {
    full: 'Redis is full',
    held: 'Held',
    nobody: 'No workers',
    paused: 'Paused',
    slow: 'Not draining',
    works: 'Works',
    idle: 'Works',
  },

  now: {
    loading: 'Asking the fleet …',
    summary: 'The fleet in one sentence',
    sentence: sentenceOf,
    full: fullInWords,
    nobody: `${NO_WORKER[0]?.toUpperCase()}${NO_WORKER.slice(1)}.`,
    held: (reason: string, span: string, since: string, why: string, cure: string) =>
      `Held for ${span} (since ${since}), ${reason}: ${why}. Do: ${cure}.`,
    dead: (count: number) =>
      `${counted(count, 'lookup')} gave up (Dead letters): each has had its result, failed, and can be redriven; none is lost.`,
    byHand: (what: string, who: string | null, since: string | null) =>
      `By hand: ${what}${who === null ? '; by whom is not known' : `, by ${who}`}${since === null ? '' : `, since ${since}`}.`,
  },

  byHand: {
    hold: (which: string, _: number | null) => `held (${which})`,
    pace: (which: string, _: number | null) => `${percent(Number(which))} of the pace`,
    limit: (which: string, value: number | null) => `limit ${which} ${value === null ? 'none' : number.format(value)}`,
    'accept-code': (which: string, _: number | null) => `responseCode ${which} is accepted as not found`,
    'queue-paused': (which: string, _: number | null) => `queue ${which} is paused`,
  },

  figures: {
    backlog: { label: 'Backlog', unit: 'lookups', note: 'wait or are being looked up; good: falls' },
    perSecond: { label: 'Results', unit: 'per second', note: 'over 10 s; good: as many as arrive' },
    limit: { label: 'Limit', unit: 'calls a second', note: 'of the whole fleet; good: calls stay below' },
    oldest: { label: 'Oldest', unit: '', note: 'of those that wait; good: below 30 s' },
    workers: { label: 'Workers', unit: 'running', note: 'heard of in the last 10 s; good: all of yours' },
    dead: { label: 'Dead letters', unit: 'lookups', note: 'gave up; good: 0' },
    results: { label: 'Results waiting', unit: 'results', note: 'for their consumer; good: near 0' },
  },

  chart: {
    table: 'As a table',
    time: 'Time',
    unfinished: '(not over)',
    caption: (title: string) => `${title}, the last five minutes by ten seconds, newest first`,
  },

  flow: {
    title: 'Arrivals and results, per second',
    arrivals: 'arrivals',
    results: 'results',
    sentence: (came: number | null, results: number | null) =>
      came === null && results === null
        ? NOT_YET
        : `${perSecond(came)} arrive, ${perSecond(results)} get their result. Good: the two lines meet.`,
  },

  latency: {
    title: 'From enqueued to result',
    sentence: (p95: string | null) =>
      p95 === null ? 'No results lately. Good: below 30 s.' : `95 of 100 take at most ${p95}. Good: below 30 s.`,
  },

  calls: {
    title: 'Calls to the service, per second',
    made: 'calls',
    failed: 'of them failed',
    limit: 'limit',
    sentence: (made: number | null, failed: number | null, limit: number | null) =>
      made === null
        ? NOT_YET
        : `${perSecond(made)} calls, ${perSecond(failed)} failed; ${limit === null ? 'no limit' : `limit ${perSecond(limit)}`}. Good: none fails.`,
  },

  phases: {
    title: 'Where the time of a result went, on average',
    names: {
      waited: 'waited in the queue',
      held: 'held',
      paced: 'waited for its turn to call',
      called: 'called',
      delayed: 'delayed before a retry',
    },
    sentence: (most: string | null) =>
      most === null
        ? 'No results lately. Good: most of it is the call.'
        : `Most: ${most}. Good: most of it is the call.`,
  },

  copy: 'Copy',
  copied: 'Copied',

  kindInWords: (kind: string) => {
    const [what, which] = kind.split(':')
    if (what === 'code') return `responseCode ${which}`
    if (what === 'fault') return `SOAP fault ${which}`
    return what === 'http' ? `HTTP ${which}` : kind
  },

  waits: ({ for: what, holds, behind, after }: Waits, dueAt: string | null = null) => {
    const line = behind === null ? '' : behind === 0 ? ', next in line' : `, behind ${counted(behind, 'lookup')}`
    const why = { failure: ' after a failure', recheck: ', to be asked again', asked: ', as its producer asked' }
    if (what === 'time') return `delayed until ${dueAt ?? 'later'}${why[after ?? 'asked']}`
    if (what === 'flow') return 'waits for the jobs of its flow'
    if (what === 'unpause') return 'waits because its queue is paused'
    return what === 'release'
      ? `waits because the fleet holds (${holds.join(', ')})${line}`
      : `waits for its turn${line}`
  },

  actions: {
    planning: 'Counting; nothing is done yet …',
    command: 'The same on the command line',
    busy: 'It is being done, also when you close this. Activity tells what came of it.',
    unknown: 'The API does not answer. Whether it was done is not known: look at Activity before you do it again.',
    close: 'Close',
    which: (filters: string | null) => (filters === null ? 'Of all, without a filter.' : `Of those with: ${filters}.`),
    sample: (count: number) => `The first ${count} of them`,
    type: (count: number) => `These are many. Type ${count} to go on`,
    noRole: (role: string) => `Your token may not do this: it has not the role ${role}.`,
    calls: (calls: string) => `It costs at least ${calls}.`,
    noCalls: 'It costs no calls.',
    takes: (span: string, isLimited: boolean) =>
      `It takes about ${span} at that pace${isLimited ? ' and the limit in force' : ''}.`,
    waiting: (lookups: string) => `${lookups} wait at the moment.`,
    begun: 'It has begun, and goes on by itself. Its progress is shown below and in Activity, also after a reload.',
    rate: 'Lookups a second',
    force: 'Also what failed with the cause for which the fleet holds, and during the hold',
    reason: 'Why (stands in Activity)',
    cancel: {
      title: 'Cancel lookups',
      verb: 'Cancel them',
      one: 'Cancel it',
      all: 'Cancel all that match',
      would: (lookups: string) =>
        `${lookups} would be ended, each with the result failed, code cancelled. Those that a worker has in hand are left.`,
      done: (lookups: string, left: number) => `Cancelled: ${lookups}${left > 0 ? `; ${left} left as they are` : ''}.`,
    },
    redrive: {
      title: 'Redrive lookups',
      verb: 'Redrive',
      one: 'Redrive it',
      all: 'Redrive all that match',
      would: (lookups: string) =>
        `${lookups} would be put back on their queue, clean. Each gets one more result, which says redrive.`,
      held: (reason: string) => `The fleet holds now (${reason}): the redrive begins when that ends.`,
      refused: (why: string | null) =>
        `Refused: the fleet holds for what some of them failed with${why === null ? '' : ` (${why})`}. Redrive when it calls again, or tick "Also what failed with the cause …".`,
      seen: (what: string, ago: string) =>
        `Calls failed lately (${what}, ${ago}): what is redriven now may fail again.`,
      done: (lookups: string, left: number) => `Redriven: ${lookups}${left > 0 ? `; ${left} left as they are` : ''}.`,
    },
    drop: {
      title: 'Drop dead letters',
      verb: 'Drop',
      one: 'Drop it',
      all: 'Drop all that match',
      would: (lookups: string) =>
        `${lookups} would be ended for good. Their results stay; they cannot be redriven any more.`,
      done: (lookups: string, left: number) => `Dropped: ${lookups}${left > 0 ? `; ${left} left as they are` : ''}.`,
    },
    leave: 'Do nothing',
  },

  running: {
    label: (action: string) => `${action} on its way`,
    states: { done: 'done', running: 'running', stopped: 'stopped', 'cut-off': 'cut off' },
    cures: {
      stopped: 'It was stopped before its end. Do the same again: what is done stays done, and is done once.',
      'cut-off':
        'Its process is gone, or has lost Redis. Do the same again: what is done stays done, and is done once.',
    } as Readonly<Record<string, string>>,
    words: (action: string, who: string, at: string, state: string, count: number, of: number | null, left: number) =>
      `${action} by ${who}, since ${at}: ${state}, ${number.format(count)}${of === null ? '' : ` of ${number.format(of)}`}${left > 0 ? `; ${number.format(left)} left as they are` : ''}`,
    waits: (what: string) => `It waits: ${what}.`,
  },

  find: {
    submit: 'Search',
    more: 'More fields',
    any: 'any',
    searching: 'Searching …',
    begin: 'Search by a connection id, or by other fields. Without any, all lookups are listed.',
    caption: 'Lookups that match, as they lie in their queues: not in the order of their times',
    next: 'More',
    found: (count: number, more: boolean, looked: number, at: string) =>
      `${counted(count, 'lookup')}${more ? ' so far' : ''}; ${number.format(looked)} looked at${more ? '' : ', to the end'}; as it was at ${at}.`,
    filters: 'Filters of this list',
    leaveOut: 'Leave out',
    noneWith: (filters: string, more: boolean) => `None ${more ? 'so far ' : ''}with these filters (${filters}).`,
    withoutThem: 'Search without them',
    fields: {
      connectionId: 'Connection id',
      correlationId: 'Correlation id',
      producer: 'Producer',
      state: 'State',
      queue: 'Queue',
      failure: 'Failure',
      fault: 'SOAP fault',
      httpStatus: 'HTTP status',
      responseCode: 'responseCode',
      result: 'Result',
      olderThanMs: 'Older than',
      newerThanMs: 'Newer than',
    },
    inMinutes: (what: string) => `${what}, minutes`,
    minutes: (count: number) => `${count} min`,
    columns: {
      connectionId: 'Connection id',
      state: 'State',
      why: 'Why',
      enqueued: 'Enqueued',
      ended: 'Ended',
      calls: 'Calls',
      producer: 'Producer',
    },
  },

  lookUp: {
    words: 'Look this id up now',
    note: 'asks the service, before all that wait in the batch queue',
    title: 'Look one up now',
    verb: 'Look up',
    would:
      'One lookup goes on the interactive queue; it costs one call. Its result is kept for you for ten minutes, and goes to no consumer.',
    held: 'The fleet is held: the lookup waits for the end of the hold, or is its next probe.',
    done: 'It is on its queue. Its story is shown in Find, and follows it until it has ended.',
  },

  story: {
    title: 'Lookup of',
    untitled: 'A lookup',
    lookupId: 'Lookup id',
    queue: 'Queue',
    result: 'Result',
    noResult: 'none yet',
    noTiming: 'Where its time went is not known: it has not been called yet, or an earlier version did not keep it.',
    bar: (parts: string) => `Where its time went: ${parts}`,
    enqueued: (at: string | null, producer: string | null) =>
      `Enqueued${at === null ? '' : ` ${at}`}${producer === null ? '' : ` by ${producer}`}`,
    redriven: (times: number) => `Redriven ${counted(times, 'time')} after it had ended`,
    taken: (times: number) => `Taken up ${counted(times, 'time')}`,
    stalled: (times: number) => `Taken back ${counted(times, 'time')} from a worker that died or lost Redis`,
    failed: (failures: number, calls: number, charged: number) =>
      `${counted(failures, 'failed attempt')} with ${counted(calls, 'call')}; ${charged} of ${failures} count towards giving up`,
    said: answerInWords,
    lastFailure: (why: string) => `Last failure: ${why}`,
    before: (why: string) => `Failed before it ended: ${why}`,
    active: 'A worker has it in hand',
    ended: (at: string | null, status: string, why: string | null, calls: number | null, attempts: number | null) =>
      `Ended${at === null ? '' : ` ${at}`}: ${status}${why === null ? '' : ` (${why})`}${calls === null ? '' : `, ${counted(calls, 'call')}`}${attempts === null ? '' : ` in ${counted(attempts, 'attempt')}`}`,
    where: (isThere: boolean, deliver: string | null, keptUntil: string | null) => {
      if (keptUntil !== null) return `kept until ${keptUntil} for whoever waits for it`
      if (deliver === 'wait') return 'no longer kept for whoever waited for it'
      return isThere ? 'waits on the result queue' : 'has been taken from the result queue'
    },
  },

  show: {
    show: 'Show what the service said',
    hide: 'Hide',
    note: "the customer's data; that you looked stands in Activity",
    noRole: 'What the service said is for tokens with the role results.',
    gone: 'It is not there any more.',
    response: 'responseCode',
    nothing: 'The service sent no ChatRequest.',
  },

  dead: {
    what: 'Lookups that gave up, by cause. Each has had its result; none is lost.',
    cause: 'Cause',
    count: 'Lookups',
    first: 'First',
    last: 'Last',
    again: 'Failed again',
    actions: 'Actions',
    show: 'List',
    redriveAll: 'Redrive all',
    caption: 'The largest group first. "Failed again": had been redriven before.',
    none: 'No dead letters. Good.',
    lately: 'Redrives of the last hour',
    redriven: (at: string, count: number | null, who: string, which: string, state: string | null) =>
      `${at} redrive of ${count === null ? 'some' : number.format(count)} by ${who}${which === '' ? '' : ` (${which})`}${state === null ? '' : `, ${state}`}`,
    listAgain: 'List those that have this cause now',
    unknown: 'not known',
    reading: 'Counting dead letters …',
    unread: (count: number) => `${counted(count, 'job')} too large or broken to be read.`,
  },

  hold: {
    words: 'Hold all calls',
    title: 'Hold all calls of the fleet',
    verb: 'Hold',
    minutes: 'For at most so many minutes',
    reason: 'Why (for whoever looks)',
    would: (span: string) =>
      `No call goes out for ${span}, or until somebody releases. Calls on the way finish; lookups wait and none is lost.`,
    done: 'Held.',
    works: 'Calls the service',
    worksMeans: 'No hold is on.',
    idle: 'Ready to call',
    idleMeans: 'No hold is on. Nothing waits.',
    atPace: (share: number) => `Calls at ${percent(share)} of its pace`,
    atPaceMeans: 'No hold is on. It goes so until it is released in full.',
    full: 'Nothing is called',
    nobody: 'Nobody calls it',
    nobodyMeans:
      'No worker is running: nothing is called until one starts, and nobody knows whether the service answers.',
    paused: 'Paused',
    pausedMeans: (queues: string) =>
      `A tool of BullMQ's has paused ${queues}: no worker takes anything from there. Do: BullMQ's Queue#resume.`,
    slow: 'No hold is on',
    slowMeans: 'But nothing ends. What the service answered last stands below.',
    label: (reason: string) => `Held: ${reason}`,
    whose: {
      service: 'The service: it does not answer as it should.',
      configuration: 'Us: the service refuses what we send it.',
      results: 'Us: nobody takes the results.',
      quota: 'Us: the quota of calls is spent.',
      manual: 'Us: somebody holds by hand.',
    },
    since: 'Since',
    by: (who: string) => `by ${who}`,
    why: 'Seen',
    cure: 'Do',
    cureOf: ({ reason, kind }: Pick<Hold, 'reason' | 'kind'>) => `${HOLD_CURES[reason]}${ifItIsRight(kind)}`,
    spent: (count: number, since: string) => `${counted(count, 'lookup')} had it as their result since ${since}`,
    next: 'Next',
    ends: (at: string) => `ends by itself at ${at}`,
    probe: (span: string, probes: number) => `tried by itself in ${span}; ${counted(probes, 'probe')} failed so far`,
  },

  release: {
    words: 'Release',
    title: 'Release the fleet',
    verb: 'Release',
    accept: (code: number) => `Accept responseCode ${code}`,
    acceptTitle: (code: number) => `Accept responseCode ${code} and release`,
    accepts: (code: number) => `responseCode ${code} means not found from now on, for every worker.`,
    pace: 'At this part of the pace, per cent',
    would: (share: number) =>
      `Every hold ends. The fleet begins slowly for five seconds, and then goes on ${share < 1 ? `at ${percent(share)} of its pace until it is released in full` : 'in full'}. A hold whose cause is still there comes back.`,
    done: 'Released.',
  },

  limit: {
    words: 'Set the limit',
    title: 'Set the limit of the fleet',
    verb: 'Set it',
    rateNow: (values: Limit, share: number | null) =>
      `Calls a second${share === null ? '' : ' at the full pace'} (now: ${limitIn(values)})`,
    now: (rate: Limit, share: number | null, by: string, burst: Limit, inFlight: Limit) =>
      `In force now: ${limitIn(slowed(rate, share))} calls a second${share === null ? '' : `, ${percent(share)} of ${limitIn(rate)}`} (${by})${share === null ? '' : ' until it is released in full'}; burst: ${limitIn(burst)}; calls at one time: ${limitIn(inFlight)}.`,
    own: "the workers' environment",
    by: (who: string | null, since: string | null) => `set by ${who ?? 'hand'}${since === null ? '' : ` at ${since}`}`,
    after: (rates: Limit, share: number | null) => `Then: ${limitIn(slowed(rates, share))} calls a second.`,
    would: (rate: number | null, share: number | null) =>
      `Every worker keeps to ${rate === null ? '…' : number.format(rate)} calls a second of the whole fleet, at once, until it is reset.${slowedTo(rate, share)}`,
    done: (rate: number, share: number | null) =>
      `Set: ${number.format(rate)} calls a second, in force for all workers within a second.${slowedTo(rate, share)}`,
    resetWords: 'Reset the limits',
    resetTitle: 'Reset the limits',
    resetVerb: 'Reset',
    wouldReset: "What was set by hand ends; each worker keeps to its own environment's limits.",
    resetDone: "Reset: the workers' own limits are in force for all of them within a second.",
  },

  holdLine: {
    title: 'When it held',
    hours: 'The last',
    span: (hours: number) => (hours < 48 ? counted(hours, 'hour') : `${hours / 24} days`),
    now: 'now',
    sentence: (hours: number, count: number, span: string) =>
      count === 0
        ? `No hold in the last ${counted(hours, 'hour')}.`
        : `${counted(count, 'hold')} in the last ${counted(hours, 'hour')}, ${span} in all.`,
    one: (reason: string, from: string, to: string | null, span: string, why: string | null) =>
      `${reason}: ${from} to ${to ?? 'now'}, ${span}${why === null ? '' : `; ${why}`}`,
  },

  certificate: {
    title: 'Certificate of the service',
    inWords: certificatesInWords,
    states: { good: 'valid', soon: 'ends soon', over: 'has ended' },
    until: (at: string) => `until ${at}`,
    none: 'No worker has seen one: nothing was called over TLS yet.',
  },

  kinds: {
    title: 'What else the service answered',
    caption:
      'Codes, faults and statuses of the last days, the last one first. Times are to ten seconds: the first is at most so much later, the last so much earlier',
    none: 'Nothing but the usual answer.',
    kind: 'Answer',
    count: 'Times',
    first: 'First seen',
    last: 'Last seen',
  },

  incident: {
    title: "For the service's owner",
    note: "What was seen, as Markdown: times in UTC, no id and no customer's data.",
    label: 'This incident',
    head: (at: string) => `## TPClientWebServicesAPI, as seen by chat-enricher at ${at}`,
    over: 'No hold for the service is on.',
    on: (since: string, why: string, probes: number) =>
      `Held since ${since}: ${why}. Since then ${counted(probes, 'probe')} failed; no other call is made.`,
    held: (from: string, to: string | null, reason: string, why: string | null, probes: number | null) =>
      `- held (${reason}) from ${from} to ${to ?? 'now'}${why === null ? '' : `: ${why}`}${probes ? `; ${counted(probes, 'probe')} failed` : ''}`,
    calls: (since: string) => `### Calls since ${since}, to ten seconds`,
    callsHead: '| outcome | calls |\n| --- | ---: |',
    row: (outcome: string, count: number) => `| ${outcome} | ${number.format(count)} |`,
    outcomes: {
      answer: 'answered',
      fault: 'SOAP fault',
      http_error: 'HTTP status that is no answer',
      timeout: 'no answer in time',
      network: 'no connection, or it broke',
      unreadable: 'an answer that is unreadable, too large or not as promised',
    } as Readonly<Record<string, string>>,
    seen: '### Answers besides the usual one',
    seenNote:
      'Counted in slices of ten seconds: from the beginning of the first slice with one to the end of the last.',
    seenHead: '| answer | times | from | to |\n| --- | ---: | --- | --- |',
    kind: (kind: string, count: number, first: string, last: string) =>
      `| ${kind} | ${number.format(count)} | ${first} | ${last} |`,
  },

  members: {
    caption: (count: number) => counted(count, 'worker'),
    unknown: 'Workers are not known while Redis takes no writes.',
    none: 'No worker is running: nothing moves until one starts.',
    differ: (what: string) =>
      `Workers differ: ${what}. Somebody is half way through a deployment, or two were set up apart.`,
    lost: (who: string, lookups: number, ago: string) =>
      `${counted(lookups, 'lookup')} of worker ${who}, last seen ${ago} ago, go to other workers.`,
    worker: 'Worker',
    state: 'State',
    up: 'Up',
    busy: 'Busy',
    perSecond: 'Results/s',
    version: 'Version',
    rate: 'Calls/s',
    burst: 'Burst',
    inFlight: 'In flight',
    silent: (span: string) => `silent ${span}`,
    stopping: 'stopping',
    works: 'works',
  },

  queues: {
    caption: 'Queues',
    queue: 'Queue',
    paused: 'paused',
    waiting: 'Waiting',
    delayed: 'Delayed',
    active: 'Active',
    finished: 'Finished',
    dead: 'Dead',
    oldest: 'Oldest',
    redis: (used: string, max: string | null) =>
      `Redis uses ${used}${max === null ? '; it has no limit' : ` of ${max}`}.`,
  },

  producers: {
    caption: 'Who asks',
    producer: 'Producer',
    nobody: 'not named',
    waiting: 'Waiting',
    share: 'Of those that wait',
    calls: 'Calls, last minute',
    none: 'Nothing waits, and no lookup of the last minute says who asked.',
  },

  activity: {
    means: 'What people did by hand, from wherever. Ids stand as hashes.',
    caption: 'The newest first',
    none: 'Nobody has done anything by hand.',
    when: 'When',
    who: 'Who',
    what: 'What',
    with: 'With',
    count: 'How many',
    state: 'State',
  },
}

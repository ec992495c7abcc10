/** Every text of the console, so that another language is one file more. */

import { number } from '../../domain/figures.ts'

const NUMBER = new Intl.NumberFormat('en-US', { maximumFractionDigits: 1 })
const perSecond = (value: number | null) => (value === null ? 'unknown' : `${NUMBER.format(value)}/s`)

export const T = {
  figure: (value: number) => NUMBER.format(value),
  rate: (value: number) => NUMBER.format(value),
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
    held: (reason: string, span: string, since: string, why: string, cure: string) =>
      `Held for ${span} (since ${since}), ${reason}: ${why}. Do: ${cure}.`,
    byHand: (what: string, who: string | null, since: string | null) =>
      `By hand: ${what}, by ${who ?? 'nobody knows whom'}${since === null ? '' : `, since ${since}`}.`,
  },

  byHand: {
    hold: (which: string, _: number | null) => `held (${which})`,
    pace: (which: string, _: number | null) => `${which} of the pace`,
    limit: (which: string, value: number | null) => `limit ${which} ${value === null ? 'none' : number.format(value)}`,
    'accept-code': (which: string, _: number | null) => `responseCode ${which} is accepted as not found`,
    'queue-paused': (which: string, _: number | null) => `queue ${which} is paused`,
  },

  figures: {
    backlog: { label: 'Backlog', unit: 'lookups', note: 'wait or are being looked up; good: falls' },
    perSecond: { label: 'Results', unit: '/s', note: 'over 10 s; good: as many as arrive' },
    limit: { label: 'Limit', unit: 'calls/s', note: 'in force for the whole fleet' },
    oldest: { label: 'Oldest', unit: '', note: 'of those that wait; good: below 30 s' },
    workers: { label: 'Workers', unit: '', note: 'were heard of in the last 10 s' },
    dead: { label: 'Dead letters', unit: '', note: 'gave up; good: 0' },
    results: { label: 'Results waiting', unit: '', note: 'for their consumer; good: near 0' },
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
      `${perSecond(came)} arrive, ${perSecond(results)} get their result. Good: the two lines meet.`,
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
      `${perSecond(made)} calls, ${perSecond(failed)} failed; ${limit === null ? 'no limit' : `limit ${perSecond(limit)}`}. Good: none fails.`,
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
}

/** PromQL that our panels are made of. `$job`, `$role` and `$instance` are chosen in the dashboard. */

const JOB = 'job=~"$job"'
const INSTANCE = `${JOB}, instance=~"$instance"`

const within = (metric: string, chosen: string, more: string) => `${metric}{${chosen}${more && `, ${more}`}}`

/** A metric of the fleet: every process says the same, so take the max of it. */
export const fleet = (metric: string, more = ''): string => within(`chat_enricher_${metric}`, JOB, more)
/** Of the queues that are chosen. */
export const ofQueues = (metric: string, more = ''): string => fleet(metric, `role=~"$role"${more && `, ${more}`}`)
/** A metric of the processes that are chosen: add it up. */
export const own = (metric: string, more = ''): string => within(`chat_enricher_${metric}`, INSTANCE, more)
/** A metric of Node, which has everybody's name. */
export const ofNode = (metric: string): string =>
  within(metric, 'job=~"chat-enricher.*", job=~"$job", instance=~"$instance"', '')

const grouped = (by: string) => (by === '' ? '' : ` by (${by})`)

export function perSecond(counter: string, by = '', more = ''): string {
  return `sum${grouped(by)} (rate(${own(counter, more)}[$__rate_interval]))`
}

export function increase(counter: string, by = '', more = ''): string {
  return `sum${grouped(by)} (increase(${own(counter, more)}[$__rate_interval]))`
}

/** No value, rather than NaN, while nothing is observed. */
export function quantile(q: number, histogram: string, more = '', window = '$__rate_interval'): string {
  return `histogram_quantile(${q}, sum by (le) (rate(${own(`${histogram}_bucket`, more)}[${window}]))) >= 0`
}

/** Which part of `whole` is `part`; no value while there is none of either. */
export const shareOf = (part: string, whole: string): string => `${part} / (${whole} > 0)`

/** "No limit" is reported as +Inf, which has no place on an axis. */
export const finite = (limit: string): string => `${limit} < Inf`

/** Lookups (or results) that wait to be taken, in each of the queues of these roles. */
export function waiting(by: string, more: string): string {
  const jobs = fleet('queue_jobs', `state=~"waiting|prioritized", ${more}`)
  return `sum${grouped(by)} (max by (role, queue, state) (${jobs}))`
}

export const LOOKUP_QUEUES = 'role!="result"'

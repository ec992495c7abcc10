/**
 * What a worker's line in the list of members says of its settings, so that `doctor` and `status` can tell where workers differ:
 * those that should be the same in a whole fleet and are not as by default. No secret, no address, no id.
 */

import { type Config, loadConfig } from '../config/config.ts'
import { VARIABLES } from '../config/table.ts'

/** A machine has its own size, its own files, and its own way to the service; the id that a probe asks for is a customer's. */
const OF_ONE_WORKER = [
  'CONCURRENCY',
  'INTERACTIVE_CONCURRENCY',
  'SOAP_CA_FILE',
  'SOAP_CLIENT_CERT_FILE',
  'SOAP_CLIENT_KEY_FILE',
  'NO_PROXY',
  'SOAP_PROBE_CONNECTION_ID',
]
/** The line has fields for these. */
const TOLD_ANYHOW = [
  'RATE_LIMIT_PER_SECOND',
  'RATE_LIMIT_BURST',
  'MAX_CALLS_IN_FLIGHT',
  'QUOTA_CALLS',
  'QUOTA_PERIOD',
  'INTERACTIVE_SHARE',
  'LOOKUP_RETENTION_MS',
  'RESULT_MARKER_TTL_MS',
]
const GROUPS = ['soap', 'calls', 'worker']

/** By name of the variable, as text. */
export function fleetSettings(config: Config): Record<string, string> {
  const standard = loadConfig({}).config
  const told = Object.entries(VARIABLES).flatMap(([key, { name, group, secret }]): [string, string][] => {
    if (!GROUPS.includes(group) || secret || OF_ONE_WORKER.includes(name) || TOLD_ANYHOW.includes(name)) return []
    const [here, byDefault] = [config, standard].map((one) => textOf((one as Record<string, unknown>)[key]))
    return here === undefined || here === byDefault ? [] : [[name, here]]
  })
  return Object.fromEntries(told)
}

function textOf(value: unknown): string {
  if (value instanceof Set || Array.isArray(value)) return [...value].join(',')
  return value === null || value === undefined ? 'none' : String(value)
}

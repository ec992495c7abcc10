/** The flags that select lookups, and the Selection that they make. */

import { type Command, Option } from 'commander'
import { readDuration } from '../../config/kinds.ts'
import { FAILURE_CODES } from '../../domain/failure.ts'
import { RESULT_STATUSES } from '../../domain/result.ts'
import { LOOKUP_STATES, parseSelectionText, SELECTION_FIELDS, type Selection } from '../../domain/selection.ts'
import { UsageError } from './usage-error.ts'

const HEADING = 'Which lookups (all that is given must hold):'

const FLAGS: [flag: string, meaning: string][] = [
  ['--connection-id <id>', 'of this connection id'],
  ['--correlation-id <id>', 'of this correlation id'],
  ['--producer <name>', 'enqueued by this producer'],
  ['--queue <queue>', 'lookup or interactive'],
  ['--state <state>', LOOKUP_STATES.join(', ')],
  ['--older-than <duration>', 'enqueued before that, as 2h; of those that have ended: ended before that'],
  ['--newer-than <duration>', 'enqueued, or ended, since'],
  ['--failure <code>', `by its last failure, or how it ended: ${FAILURE_CODES.join(', ')}`],
  ['--fault <name>', 'by the SOAP fault that came with it, as Server'],
  ['--http-status <n>', 'by the HTTP status that came with it, as 503'],
  ['--response-code <n>', 'by the responseCode that came with it'],
  ['--result <status>', `by its result: ${RESULT_STATUSES.join(', ')}`],
  ['--all', 'all of them'],
]

export function withSelection(command: Command): Command {
  for (const [flag, meaning] of FLAGS) command.addOption(new Option(flag, meaning).helpGroup(HEADING))
  return command
}

/** Null: none of its flags is given. */
export function selectionOf(command: Command): Selection | null {
  const options = command.opts() as Record<string, string | true | undefined>
  const given: Record<string, string> = {}
  for (const field of SELECTION_FIELDS) {
    const text = options[optionOf(field)]
    if (text !== undefined) given[field] = field.endsWith('Ms') ? milliseconds(field, `${text}`) : `${text}`
  }
  if (Object.keys(given).length === 0) return null
  const parsed = parseSelectionText(given)
  if (parsed.ok) return parsed.selection
  const problem = parsed.problem.replace(/^\w+: /, '').replace(/, got another \w+$/, '')
  if (parsed.field === null) throw new UsageError(parsed.problem)
  throw new UsageError(`${flagOf(parsed.field)}: ${problem}, got ${JSON.stringify(given[parsed.field])}`)
}

/** As commander names what the flag sets: the durations of the command line are milliseconds in JSON. */
function optionOf(field: string): string {
  return field.replace(/Ms$/, '')
}

function flagOf(field: string): string {
  return `--${optionOf(field).replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
}

function milliseconds(field: string, text: string): string {
  try {
    return String(readDuration(text))
  } catch {
    throw new UsageError(`${flagOf(field)}: expected a duration, as 30s, 2h or 7d, got ${JSON.stringify(text)}`)
  }
}

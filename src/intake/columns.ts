/** The names of our fields, however a file spells them, and the characters that part columns. */

export const FIELDS = [
  'connectionId',
  'correlationId',
  'producer',
  'metadata',
  'expiresAt',
  'traceparent',
  'deliver',
  'idempotencyKey',
] as const
const DELIMITERS = [',', ';', '\t', '|']

/**
 * Our field that a column name is meant to be. A name that is almost ours is refused, because passing over it would lose
 * data.
 */
function meantBy(name: string): string | undefined {
  return FIELDS.find((field) => plain(field) === plain(name))
}

function plain(name: string): string {
  return name.toLowerCase().replace(/[^a-z]/g, '')
}

/** Names that somebody may give to the column, the service's own among them. They are refused, and never taken for ids. */
const OTHER_NAMES = ['id', 'ids', 'connectionids', 'idconnection', 'chatconnectionid', 'chatconnectionidbd']

function isConnectionId(column: string): boolean {
  const name = column.toLowerCase().replace(/[\s_.-]/g, '')
  return meantBy(column) === 'connectionId' || OTHER_NAMES.includes(name)
}

/** The character between connectionId and its neighbours (values may hold the others); null: the line is no header. */
export function headerDelimiter(line: string, only: string | null = null): string | null {
  const candidates = only === null ? DELIMITERS : [only]
  const isColumn = (part: string) => isConnectionId(part) && delimitersIn(part).length === 0
  return candidates.find((delimiter) => line.split(delimiter).some(isColumn)) ?? null
}

/** The separators that this line holds. */
export function delimitersIn(line: string): string[] {
  return DELIMITERS.filter((delimiter) => line.includes(delimiter))
}

/** Null if every name is ours, or nothing like ours. */
export function misspelt(names: string[]): string | null {
  const wrong = names.find((name) => meantBy(name) !== undefined && meantBy(name) !== name)
  return wrong === undefined ? null : `expected ${meantBy(wrong)}, got ${shown(wrong)}`
}

function isField(name: string): boolean {
  return (FIELDS as readonly string[]).includes(name)
}

/** Null if every name is ours. */
export function unknownField(names: string[]): string | null {
  const unknown = names.find((name) => !isField(name))
  return unknown === undefined
    ? null
    : (misspelt([unknown]) ?? `expected one of ${FIELDS.join(', ')}, got ${shown(unknown, 'another')}`)
}

/** A column name is shown only if it looks like one, because it may hold somebody's data. */
function shown(name: string, otherwise = 'a name that is almost that'): string {
  return /^[A-Za-z][A-Za-z _.-]{0,40}$/.test(name) ? name : otherwise
}

/**
 * Throws if these columns do not name a lookup. Shows no column that is not ours, because a file without a header has
 * somebody's data there.
 */
export function checkedColumns(columns: string[]): string[] {
  const wrong = misspelt(columns) ?? (columns.includes('connectionId') ? null : misnamed(columns))
  if (wrong) throw new Error(`the file: a column of its CSV header: ${wrong}`)
  const twice = FIELDS.find((field) => columns.filter((column) => column === field).length > 1)
  if (twice) throw new Error(`the file: expected one column ${twice} in its CSV header, got several`)
  if (columns.includes('connectionId')) return columns
  throw new Error(
    `the file: expected a CSV header with a column connectionId, got ${columns.length} columns without it`,
  )
}

function misnamed(columns: string[]): string | null {
  const wrong = columns.find(isConnectionId)
  return wrong === undefined ? null : `expected connectionId, got ${shown(wrong)}`
}

/** How figures and tables look. */

/** For cli-table3: no colours (the table may go to a file), one line a row. */
export const PLAIN = { head: [], border: [] }
export const NO_LINES_BETWEEN = { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' }

let english: Intl.NumberFormat | undefined

/** "12,000". The format takes 10 ms to make, a tenth of the start of a command, so it is made when a number is written. */
export const number = {
  format(value: number): string {
    english ??= new Intl.NumberFormat('en-US')
    return english.format(value)
  },
}

/** "1 result", "2,000 results". */
export function counted(count: number, what: string): string {
  return `${number.format(count)} ${what}${count === 1 ? '' : 's'}`
}

export function seconds(ms: number): string {
  const s = ms / 1000
  if (s < 1) return `${Math.round(ms)} ms`
  if (s < 90) return `${s.toFixed(1)} s`
  if (s < 5400) return `${(s / 60).toFixed(0)} min`
  if (s < 172_800) return `${(s / 3600).toFixed(1)} h`
  return `${(s / 86_400).toFixed(0)} d`
}

export function mebibytes(bytes: number): string {
  return `${number.format(Math.round(bytes / 104_857.6) / 10)} MiB`
}

/**
 * Columns as wide as they need to be, the first one to the left, figures to the right, or all to the left; fits 80 columns
 * where a box does not.
 */
export function columns(rows: readonly (readonly string[])[], rest: 'left' | 'right' = 'right'): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)))
  const cell = (text: string, column: number) =>
    column === 0 || rest === 'left' ? text.padEnd(widths[column] ?? 0) : text.padStart(widths[column] ?? 0)
  return rows.map((row) => row.map(cell).join('  ').trimEnd()).join('\n')
}

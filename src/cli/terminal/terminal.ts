/** How figures and tables look. */

/** For cli-table3: no colours (the table may go to a file), one line a row. */
export const PLAIN = { head: [], border: [] }
export const NO_LINES_BETWEEN = { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' }

export { counted, mebibytes, number, seconds } from '../../domain/figures.ts'

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

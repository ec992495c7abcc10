/** How figures and tables look. */

/** Of cli-table3: no colours (the table may go to a file), one line a row. */
export const PLAIN = { head: [], border: [] }
export const NO_LINES_BETWEEN = { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' }

export const number = new Intl.NumberFormat('en-US')

/** "1 result", "2,000 results". */
export function counted(count: number, what: string): string {
  return `${number.format(count)} ${what}${count === 1 ? '' : 's'}`
}

export function seconds(ms: number): string {
  const s = ms / 1000
  if (s < 1) return `${Math.round(ms)} ms`
  if (s < 90) return `${s.toFixed(1)} s`
  if (s < 5400) return `${(s / 60).toFixed(0)} min`
  return `${(s / 3600).toFixed(1)} h`
}

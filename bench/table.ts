/** What a benchmark prints: a table of medians, and a line of JSON with everything. */

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2
}

/** "12.3 (11.0-14.2)": median, least and most. */
export function spread(values: readonly number[], digits = 0): string {
  const text = (value: number) => value.toFixed(digits)
  if (values.length === 1) return text(values[0] ?? 0)
  return `${text(median(values))} (${text(Math.min(...values))}-${text(Math.max(...values))})`
}

export function printTable(head: string[], rows: string[][]): void {
  const widths = head.map((name, i) => Math.max(name.length, ...rows.map((row) => (row[i] ?? '').length)))
  const line = (cells: string[]) =>
    cells.map((cell, i) => (i ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0))).join('  ')
  console.log(line(head))
  for (const row of rows) console.log(line(row))
}

export function printJson(bench: string, figures: unknown): void {
  console.log(JSON.stringify({ bench, node: process.version, at: new Date().toISOString(), figures }))
}

import type { ComponentChildren } from 'preact'

export interface Column<Row> {
  head: string
  of(row: Row): ComponentChildren
  isFigure?: boolean
  /** This value stands out from those of the others. */
  isOdd?(row: Row): boolean
}

interface TableProps<Row> {
  caption: string
  columns: readonly Column<Row>[]
  rows: readonly Row[]
  keyOf(row: Row): string
}

export function Table<Row>({ caption, columns, rows, keyOf }: TableProps<Row>) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
    <section class="scroll stacks" tabIndex={0} aria-label={caption}>
      <table>
        <caption>{caption}</caption>
        <thead>
          <tr>
            {columns.map(({ head, isFigure }) => (
              <th key={head} scope="col" class={isFigure ? 'figure' : ''}>
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={keyOf(row)}>
              {columns.map(({ head, of, isFigure, isOdd }) => (
                <td key={head} data-head={head} class={`${isFigure ? 'figure' : ''}${isOdd?.(row) ? ' odd' : ''}`}>
                  {of(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}

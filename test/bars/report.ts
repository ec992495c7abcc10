/** Bars: what the product promises, measured on real processes. Each prints its figures and fails if one is missed. */

export interface Figure {
  what: string
  got: number | string
  bar: string
  ok: boolean
}

export function atMost(what: string, got: number, bar: number): Figure {
  return { what, got: Math.round(got * 100) / 100, bar: `<= ${bar}`, ok: got <= bar }
}

export function atLeast(what: string, got: number, bar: number): Figure {
  return { what, got: Math.round(got * 100) / 100, bar: `>= ${bar}`, ok: got >= bar }
}

export function exactly(what: string, got: number | string, bar: number | string): Figure {
  return { what, got, bar: `= ${bar}`, ok: got === bar }
}

export function report(name: string, figures: Figure[]): boolean {
  console.log(`\n${name}`)
  for (const { what, got, bar, ok } of figures) {
    console.log(`  ${ok ? 'ok  ' : 'MISS'} ${what.padEnd(52)} ${String(got).padStart(12)}   ${bar}`)
  }
  return figures.every(({ ok }) => ok)
}

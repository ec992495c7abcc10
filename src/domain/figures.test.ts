import { expect, it } from 'vitest'
import { number } from './figures.ts'

const VALUES = [0, 7, 999, 1000, 12_345.6789, 1_234_567, 0.1, 0.125, 99.95, -1, -1234.5, 9e15]

it.each([1, 3])('writes a number as English does, with %i digits at most', (digits) => {
  const english = new Intl.NumberFormat('en-US', { maximumFractionDigits: digits })
  for (const value of VALUES) expect(number.format(value, digits)).toBe(english.format(value))
})

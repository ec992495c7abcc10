/** Checks of command-line numbers, with an error that names the flag. */

import { InvalidArgumentError } from 'commander'

export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (/^-?\d+$/.test(text) && value >= min && value <= max) return value
    throw new InvalidArgumentError(`expected a whole number from ${min} to ${max}, got ${JSON.stringify(text)}`)
  }
}

/** Below a thousandth it is a hold rather than a pace. */
export function share(text: string): number {
  const value = Number(text)
  if (text.trim() !== '' && value >= 0.001 && value <= 1) return value
  throw new InvalidArgumentError(`expected a number from 0.001 to 1, got ${JSON.stringify(text)}`)
}

export function ratio(text: string): number {
  const value = Number(text)
  if (text.trim() !== '' && value >= 0 && value <= 1) return value
  throw new InvalidArgumentError(`expected a number from 0 to 1, got ${JSON.stringify(text)}`)
}

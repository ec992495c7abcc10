/** How figures look, wherever people read them: on a terminal, and in the console. */

/**
 * "12,000", "0.125": as Intl.NumberFormat('en-US') writes it. That takes 10 ms to make, a tenth of the start of a command,
 * and of the time until the console says how the fleet is.
 */
export const number = {
  format(value: number, digits = 3): string {
    const scale = 10 ** digits
    const [whole = '', part] = String(Math.round(value * scale) / scale).split('.')
    const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ',')
    return part === undefined ? grouped : `${grouped}.${part}`
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

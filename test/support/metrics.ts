/** Sum of one of our metrics over texts of `/metrics`, of the lines that hold all of `labels`; 0 if there are none. */
export function sumOfMetric(texts: string[], name: string, labels: string[]): number {
  return texts
    .flatMap((text) => text.split('\n'))
    .filter((line) => new RegExp(`^chat_enricher_${name}[{ ]`).test(line))
    .filter((line) => labels.every((label) => line.includes(label)))
    .reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0)
}

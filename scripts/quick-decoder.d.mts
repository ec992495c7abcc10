export function quickDecoder(text: string): string

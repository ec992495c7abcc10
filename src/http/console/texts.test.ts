import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { FAILURE_CODES } from '../../domain/failure.ts'
import { HOLD_REASONS } from '../../domain/hold.ts'
import { T } from './texts.ts'

const HERE = fileURLToPath(new URL('.', import.meta.url))
const FILES = readdirSync(HERE, { encoding: 'utf8', recursive: true }).filter(
  (name) => /\.tsx?$/.test(name) && name !== 'texts.ts' && !name.includes('.test.'),
)
/** What no person reads: comments, imports, names of styles, what an abort is for, and the commands, which are the same everywhere. */
const UNREAD = [
  /\/\*[\s\S]*?\*\//g,
  /(^|\s)\/\/.*$/gm,
  /^import [\s\S]*? from .*$/gm,
  /\s+class=("[^"]*"|\{`[^`]*`\}|\{[^{}]*\})/g,
  /new Error\('[^']*'\)/g,
  /'dead-letters (redrive|drop)'/g,
  /\b(closest|matches)\('[^']*'\)/g,
  /\breturn\b/g,
]
const IN_QUOTES = /'[^'\n]*'|"[^"\n]*"|`[^`]*`/g
const IN_MARKUP = /(?<![=\s])>([^<>{}=;()|&]*[A-Za-z]{2}[^<>{}=;()|&]*)</g
const IN_WORDS = /[A-Za-z]{2,},? [a-z]{2,}/

function textsIn(source: string): string[] {
  const read = UNREAD.reduce((text, unread) => text.replace(unread, ''), source)
  const quoted = (read.match(IN_QUOTES) ?? []).map((text) => text.replace(/\$\{[^}]*\}/g, ''))
  return [...quoted.filter((text) => IN_WORDS.test(text)), ...(read.match(IN_MARKUP) ?? [])]
}

describe('texts', () => {
  it.each(FILES)('are not in %s', (name) => {
    const source = readFileSync(`${HERE}${name}`, 'utf8')
    expect(textsIn(source).filter((text) => !OF_CODE.test(text))).toEqual([])
    expect(source).not.toMatch(/\b(sentenceOf|NO_WORKER|certificatesInWords)\b/)
  })

  it('are found where they are', () => {
    expect(textsIn("const a = 'No workers run'")).toHaveLength(1)
    expect(textsIn('return <p class="soft small">Nothing here</p>')).toEqual(['>Nothing here<'])
  })

  it.each(FAILURE_CODES)('say what %s means', (code) => {
    expect(T.failure(code, null)).toMatch(/: ./)
  })

  it.each(HOLD_REASONS)('say whose %s is, and what to do', (reason) => {
    expect(T.hold.whose[reason]).toMatch(/\.$/)
    expect(T.hold.cureOf({ reason, kind: 'code:9' })).toContain('if responseCode 9 is right: accept it')
  })
})

/** Of the page itself: the product's name. */
const OF_CODE = /^>chat-enricher<$/

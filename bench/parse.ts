/** Reading one answer in a tight loop, beside a search that checks nothing and a general parser; and writing a request. */

import { XMLParser, XMLValidator } from 'fast-xml-parser'
import { quickenStrings } from '../src/redis/quick-strings.ts'
import { readBody } from '../src/soap/evidence.ts'
import { RequestWriter } from '../src/soap/request.ts'
import { httpAnswer, recording } from '../test/recordings/recording.ts'
import { median, printJson, printTable, spread } from './table.ts'

/** As from the transport, and no two alike. */
const ANSWERS = Array.from({ length: 64 }, (_, i) =>
  httpAnswer(
    recording('ok-soap11.res')
      .body.toString()
      .replaceAll(/\d{5}/g, (digits) => `${Number(digits) + i * 7}`)
      .replace('>Maria<', () => ['>Maria<', '>João<', '>José &amp; Ana<', '>Zoë 😀<'][i % 4] ?? ''),
  ),
)
const BODIES = ANSWERS.map(({ body }) => Buffer.from(body.is === 'complete' ? body.bytes : []))
const NAMES = Array.from(BODIES[0]?.toString().matchAll(/<(\w+)>[^<]+</g) ?? [], ([, name]) => name ?? '')
const CREDENTIALS = {
  publicKey1: 'public key',
  encryptedUser: 'user',
  encryptedPassword: 'password',
  encryptedSignature: 'signature',
}
const REQUESTS = new RequestWriter('1.1')
const PARSER = new XMLParser({ ignoreAttributes: false, parseTagValue: false, trimValues: false, htmlEntities: true })

const VARIANTS: Record<string, (i: number) => unknown> = {
  'a search, which checks nothing': (i) => searched(BODIES[i % 64]?.toString() ?? ''),
  'chat-enricher': (i) => readBody(ANSWERS[i % 64] as (typeof ANSWERS)[0]),
  'fast-xml-parser, validating': (i) => parsed(BODIES[i % 64]?.toString() ?? ''),
  'writing the request': (i) => REQUESTS.write(CREDENTIALS, `${i}`),
}

function searched(xml: string): Record<string, string> {
  const texts: Record<string, string> = {}
  for (const name of NAMES) {
    const start = xml.indexOf(`<${name}>`) + name.length + 2
    texts[name] = xml.slice(start, xml.indexOf('<', start))
  }
  return texts
}

function parsed(xml: string): unknown {
  return XMLValidator.validate(xml) === true && PARSER.parse(xml)
}

export function parse({ repetitions, answers }: { repetitions: number; answers: number }): void {
  quickenStrings() // as in a worker: the other benches import ioredis
  const microseconds = new Map<string, number[]>(Object.keys(VARIANTS).map((name) => [name, []]))
  for (let repetition = -1; repetition < repetitions; repetition++) {
    for (const [name, run] of Object.entries(VARIANTS)) {
      const taken = timed(run, answers)
      if (repetition >= 0) microseconds.get(name)?.push(taken) // the first one warms up
    }
  }
  const floor = median(microseconds.get('a search, which checks nothing') ?? [])
  const rows = [...microseconds].map(([name, all]) => [name, spread(all, 2), (median(all) / floor).toFixed(2)])
  printTable(['', 'CPU µs', 'x search'], rows)
  printJson('parse', Object.fromEntries(microseconds))
}

/** CPU of this process, not time that passes: neighbours on the machine take less part in it. */
function timed(run: (i: number) => unknown, times: number): number {
  const before = process.cpuUsage()
  for (let i = 0; i < times; i++) run(i)
  const { user, system } = process.cpuUsage(before)
  return (user + system) / times
}

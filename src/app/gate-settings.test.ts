import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { loadConfig } from '../config/config.ts'
import { askerStamp } from './gate-settings.ts'
import { soapSettings } from './soap-settings.ts'

const ENV = { SOAP_ENDPOINT: 'https://service.test/a.asmx', SOAP_ENCRYPTED_USER: 'u', SOAP_ENCRYPTED_PASSWORD: 'p' }
function stamp(env: Record<string, string> = {}, accepted: number[] = []): string {
  const { config } = loadConfig({ ...ENV, ...env })
  const { codes } = soapSettings(config)
  codes.accept(new Set(accepted))
  return askerStamp(config, codes)()
}

describe('what stands for those who are answered the same', () => {
  it('is the same for the same service, credentials and codes, whatever else is set', () => {
    const other = { CONCURRENCY: '7', LOOKUP_QUEUE: 'other', RATE_LIMIT_PER_SECOND: '3' }
    expect(stamp(other)).toBe(stamp())
    expect(stamp({ SOAP_NOT_FOUND_CODES: '5,7' })).toBe(stamp({ SOAP_NOT_FOUND_CODES: '7,5' }))
    expect(stamp()).toMatch(/^[0-9a-f]{12}$/)
  })

  it('is another one for each thing that the answer depends on', () => {
    const others = [
      stamp(),
      stamp({ SOAP_ENDPOINT: 'https://service.test/b.asmx' }),
      stamp({ SOAP_VERSION: '1.2' }),
      stamp({ SOAP_ENCRYPTED_USER: 'v' }),
      stamp({ SOAP_ENCRYPTED_PASSWORD: 'q' }),
      stamp({ SOAP_ENCRYPTED_SIGNATURE: 's' }),
      stamp({ SOAP_PUBLIC_KEY_1: 'k' }),
      ...['SOAP_ENRICHED_CODES', 'SOAP_NOT_FOUND_CODES', 'SOAP_RETRY_CODES', 'SOAP_HOLD_CODES'].map((name) =>
        stamp({ [name]: '5' }),
      ),
      stamp({ SOAP_NOT_FOUND_CODES: '5' }, [7]),
    ]
    expect(new Set(others).size).toBe(others.length)
  })

  it('follows a credential file that changes', async () => {
    const file = join(mkdtempSync(join(tmpdir(), 'asker-')), 'user')
    writeFileSync(file, 'old')
    const { config } = loadConfig({ SOAP_ENDPOINT: ENV.SOAP_ENDPOINT, SOAP_ENCRYPTED_USER_FILE: file })
    const now = askerStamp(config, soapSettings(config).codes)
    const before = now()
    writeFileSync(file, 'another')
    await expect.poll(now, { timeout: 5000 }).not.toBe(before)
  })
})

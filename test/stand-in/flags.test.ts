import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { endAll, start } from '../cli/started.ts'
import { run } from '../support/in-process.ts'

afterEach(endAll)

async function started(...flags: string[]) {
  const { says } = start(['stand-in', '--port', '0', ...flags])
  const [, origin = ''] = await says(/^stand-in: (http:\/\/[^/]+)\//m)
  const behaviour = async () => (await fetch(`${origin}/__faults`)).json()
  return { origin, behaviour }
}

describe('flags of the stand-in', () => {
  it('say how it behaves', async () => {
    const { behaviour } = await started(
      ...['--latency-ms', 'median=80,p99=900', '--fault-rate', '0.2', '--fault', '503-retry-after', 'reset'],
      ...['--retry-after', '20', '--refuse', 'client-fault', '--credentials-expire-after', '5m'],
      ...['--fault-id', '^bad-=server-fault', '--fault-id', 'a=b$=hang,dtd'],
      ...['--outage', '30s..10s=hang', '--outage', '1m..500=503'],
    )
    expect(await behaviour()).toEqual({
      latencyMs: { median: 80, p99: 900 },
      faultRate: 0.2,
      faults: ['503-retry-after', 'reset'],
      retryAfter: '20',
      rules: [
        { id: '^bad-', faults: ['server-fault'] },
        { id: 'a=b$', faults: ['hang', 'dtd'] },
      ],
      outages: [
        { afterMs: 30_000, forMs: 10_000, faults: ['hang'] },
        { afterMs: 60_000, forMs: 500, faults: ['503'] },
      ],
      refuse: 'client-fault',
      credentials: null,
      credentialsExpireAfterMs: 300_000,
    })
  })

  it('a fault without a share is for every call; without any flag all goes well', async () => {
    expect(await (await started('--fault', '429', '--latency-ms', '20-200')).behaviour()).toMatchObject({
      faultRate: 1,
      faults: ['429'],
      latencyMs: [20, 200],
    })
    expect(await (await started()).behaviour()).toMatchObject({ faultRate: 0, latencyMs: 0, rules: [], outages: [] })
  })

  it.each([
    [['--latency-ms', 'slow'], /--latency-ms.*expected a number, a range as 20-200, or median=80,p99=900.*got "slow"/],
    [['--latency-ms', '200-20'], /--latency-ms.*the smaller first, got "200-20"/],
    [['--latency-ms', '600001'], /--latency-ms.*from 0 to 600000, got "600001"/],
    [['--fault-id', 'hang'], /--fault-id.*expected REGEX=KIND, got "hang"/],
    [['--fault-id', '(=hang'], /--fault-id.*expected a regular expression before =, got "\(=hang"/],
    [['--fault-id', 'a=fire'], /--fault-id.*expected REGEX=KIND with one of .*503, .*got "fire"/],
    [['--outage', '5s=hang'], /--outage.*expected AFTER\.\.FOR=KIND, got "5s=hang"/],
    [['--outage', '5s..soon=hang'], /--outage.*expected a duration .* as 500ms, 5s or 2m, got "soon"/],
    [['--refuse', '403x'], /--refuse.*expected 401, client-fault or a response code, got "403x"/],
    [['--retry-after', 'a\nb'], /--retry-after.*expected seconds or an HTTP date/],
    [['--credentials', '/no/such/file'], /--credentials \/no\/such\/file: ENOENT/],
  ])('%j is told in one line, exit 2', async (flags, says) => {
    const { code, stdout, stderr } = await run(['stand-in', '--port', '0', ...flags])
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr.trimEnd().split('\n')).toEqual([expect.stringMatching(says)])
  })

  it('--credentials: requests must carry them, and neither a mistake nor the page shows them', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'stand-in-'))
    const file = join(folder, 'credentials.json')
    const credentials = { publicKey1: 'canary', encryptedUser: 'canary', encryptedPassword: 'canary' }
    writeFileSync(file, JSON.stringify(credentials))
    const missing = await run(['stand-in', '--port', '0', '--credentials', file])
    expect(missing.code).toBe(2)
    expect(missing.stderr).toMatch(/encryptedSignature: expected a value; it is missing/)
    writeFileSync(file, JSON.stringify(credentials).slice(0, -3))
    const broken = await run(['stand-in', '--port', '0', '--credentials', file])
    expect(broken.stderr).toMatch(/the credentials: expected JSON, got something else/)
    expect(missing.stderr + broken.stderr).not.toContain('canary')
    writeFileSync(file, JSON.stringify({ ...credentials, encryptedSignature: 'canary' }))
    const { behaviour } = await started('--credentials', file)
    rmSync(folder, { recursive: true })
    expect(await behaviour()).toMatchObject({ credentials: 'required' })
  })
})

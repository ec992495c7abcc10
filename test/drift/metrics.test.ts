import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { METRICS_FILE, ourMetrics, withMetrics } from '../../scripts/metrics.ts'

const text = readFileSync(new URL(`../../${METRICS_FILE}`, import.meta.url), 'utf8')
const metrics = await ourMetrics()

describe('the metrics', () => {
  it('are in docs/metrics.md as the code has them (npm run metrics -- --write)', async () => {
    expect(await withMetrics(text)).toBe(text)
  })

  it('of a queue have its role', () => {
    const ofQueues = metrics.filter(({ labels }) => labels.includes('queue'))
    expect(ofQueues.length).toBeGreaterThan(2)
    for (const { name, labels } of ofQueues) expect(labels, name).toContain('role')
  })

  it('say whether they are of the fleet where several processes would say the same', () => {
    const told = metrics.filter(
      ({ name, help }) =>
        /_(queue_jobs|queue_oldest|dead_letters|hold_active|desired)/.test(name) && !help.startsWith('Fleet ('),
    )
    expect(told.map(({ name }) => name)).toEqual([])
  })

  it('have their known label values from the start', () => {
    // Names that only a running fleet knows.
    const open = new Set(['queue', 'role', 'state', 'route', 'status', 'version', 'revision', 'nodejs_version'])
    const late = metrics.flatMap(({ name, labels, values }) =>
      labels.filter((label) => !values[label]?.length && !open.has(label)).map((label) => `${name}{${label}}`),
    )
    expect(late).toEqual([])
  })
})

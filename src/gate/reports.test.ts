import { describe, expect, it } from 'vitest'
import { type CallReport, NOT_FOUND } from '../domain/hold.ts'
import { type Batch, Reports } from './reports.ts'

const GOOD: CallReport = { answered: true, connectionId: 'good', kind: null }
const NOTHING: CallReport = { answered: true, connectionId: 'nothing', kind: NOT_FOUND }

/** What was sent, without waiting, once these were told. */
async function sentAfter(told: CallReport[]): Promise<Batch[]> {
  const sent: Batch[] = []
  const reports = new Reports(async (batch) => {
    sent.push(batch)
    return null
  })
  for (const report of told) void reports.tell(report)
  await new Promise(setImmediate)
  return sent
}

const times = (count: number, report: CallReport) => Array.from({ length: count }, () => report)

describe('reports of answers', () => {
  it('that found nothing are told together, but at once where the fleet would ask for the reason', async () => {
    expect(await sentAfter(times(19, NOTHING))).toEqual([])
    expect(await sentAfter([...times(2, GOOD), ...times(18, NOTHING)])).toMatchObject([{ answered: 20 }])
    expect(await sentAfter([...times(3, GOOD), ...times(17, NOTHING)])).toEqual([])
  })

  it('that found something wait for more, however many they are', async () => {
    expect(await sentAfter(times(100, GOOD))).toEqual([])
  })
})

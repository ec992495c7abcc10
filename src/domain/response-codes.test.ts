import { describe, expect, it } from 'vitest'
import { CodeMeanings } from './response-codes.ts'

const meanings = (notFound: number[] | null) =>
  new CodeMeanings({
    enriched: new Set([0]),
    notFound: notFound && new Set(notFound),
    retry: new Set([8]),
    hold: new Set([9]),
  })

describe('what response codes mean', () => {
  it('is known of those that are listed', () => {
    const codes = meanings([3])
    expect([0, 3, 8, 9, 5].map((code) => codes.isKnown(code))).toEqual([true, true, true, true, false])
  })

  it('one that was accepted means not found, beside those of the list', () => {
    const codes = meanings([3])
    codes.accept(new Set([5]))
    expect([...(codes.notFound ?? [])]).toEqual([3, 5])
    expect(codes.isKnown(5)).toBe(true)
    codes.accept(new Set([6]))
    expect([...(codes.notFound ?? [])]).toEqual([3, 6])
  })

  it('one that was accepted makes no list where none is set: then every answer without a ChatRequest means not found', () => {
    const codes = meanings(null)
    codes.accept(new Set([5]))
    expect(codes.notFound).toBeNull()
    expect(codes.isKnown(5)).toBe(true)
  })
})

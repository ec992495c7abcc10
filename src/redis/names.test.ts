import { describe, expect, it } from 'vitest'
import {
  bullKey,
  formerMarkerKeys,
  isCounterId,
  type LookupIdentity,
  lookupHash,
  lookupIdFor,
  markersKey,
  ownKey,
  queueOf,
  resultChannel,
  resultId,
  resultIdOfItsOwn,
  sharingKeys,
} from './names.ts'

const NAMES = { prefix: 'bull', lookupQueue: 'l', interactiveQueue: 'i', resultQueue: 'r' }
const identity = (lookupId: string, queue = 'l', enqueuedAt = 1, redrive = 0): LookupIdentity => ({
  lookupId,
  queue,
  enqueuedAt,
  redrive,
})

describe('the keys', () => {
  it("of BullMQ lie under the queue's name, ours under our own", () => {
    expect(bullKey(NAMES, 'l', 'wait')).toBe('bull:l:wait')
    expect(ownKey(NAMES, 'gate', 'rate')).toBe('bull:chat-enricher:gate:rate')
    expect(queueOf(NAMES, 'batch')).toBe('l')
    expect(queueOf(NAMES, 'interactive')).toBe('i')
  })

  it('of a marker and a channel do not tell the job id of a foreign producer', () => {
    const lookup = identity('Maria da Conceição')
    for (const key of [formerMarkerKeys(NAMES, lookup)[0], resultChannel(NAMES, lookup)]) {
      expect(key).toMatch(/^bull:chat-enricher:(done|result):[0-9a-f]{12}:[0-9a-f]{32}$/)
    }
  })
})

describe('two fleets under one prefix', () => {
  const OTHER = { ...NAMES, resultQueue: 'other' }

  it('have markers and channels of their own for one lookup id', () => {
    for (const key of [markersKey, resultChannel]) expect(key(NAMES, identity('a'))).not.toBe(key(OTHER, identity('a')))
    expect(markersKey({ ...NAMES })).toBe(markersKey(NAMES))
  })

  it('meet to share a call only if they would be answered the same', () => {
    const { call, answer } = sharingKeys(NAMES, 'batch', 'asker', 'c')
    expect(sharingKeys(OTHER, 'batch', 'asker', 'c')).toEqual({ call, answer })
    expect(sharingKeys(NAMES, 'batch', 'other', 'c').call).not.toBe(call)
    expect(sharingKeys(NAMES, 'batch', 'other', 'c').answer).not.toBe(answer)
  })
})

describe('a lookup that was put back', () => {
  it('has a marker, a result and a channel of its own each time', () => {
    for (const id of ['1', 'lk-1']) {
      const each = [0, 1, 2, 11].map((redrive) => identity(id, 'l', 1, redrive))
      const keys = each.flatMap((one) => [formerMarkerKeys(NAMES, one)[0], resultChannel(NAMES, one), resultId(one)])
      expect(new Set([...keys, ...each.map(resultIdOfItsOwn)]).size).toBe(16)
      expect(each.map(resultId)).toEqual([`rs-${id}`, `rs-${id}-1`, `rs-${id}-2`, `rs-${id}-11`])
    }
  })
})

describe('who a lookup is', () => {
  it('says its id alone, wherever and whenever it is put again', () => {
    expect(lookupHash(identity('my-id', 'l', 1))).toBe(lookupHash(identity('my-id', 'i', 2)))
    expect(lookupHash(identity('my-id'))).not.toBe(lookupHash(identity('my-id2')))
  })

  it('says a number of BullMQ only together with its queue and its time', () => {
    const hashes = [identity('1'), identity('2'), identity('1', 'i'), identity('1', 'l', 2)].map(lookupHash)
    expect(new Set(hashes).size).toBe(4)
    expect(lookupHash(identity('1'))).toBe(lookupHash(identity('1')))
  })

  it.each([
    ['1', true],
    ['12345678901234567890', true],
    ['0012', true],
    ['', false],
    ['1a', false],
    ['-1', false],
    ['1.5', false],
    ['1\n', false],
    ['lk-1', false],
  ])('%j is a number of BullMQ: %s', (id, expected) => {
    expect(isCounterId(id)).toBe(expected)
  })
})

describe('an id of ours', () => {
  it('is the same for the same idempotency key, and tells nothing of it', () => {
    const id = lookupIdFor('active')
    expect(id).toMatch(/^lk-[0-9a-f]{32}$/)
    expect(lookupIdFor('active')).toBe(id)
    expect(lookupIdFor('Active')).not.toBe(id)
    expect(lookupIdFor('')).toMatch(/^lk-[0-9a-f]{32}$/)
  })

  it('is of its producer, if there is one: two producers may use the same key', () => {
    const ids = [lookupIdFor('7', 'crm'), lookupIdFor('7', 'web'), lookupIdFor('7'), lookupIdFor('crm7')]
    expect(new Set(ids).size).toBe(ids.length)
    expect(lookupIdFor('7', 'crm')).toBe(ids[0])
    expect(ids[0]).toMatch(/^lk-[0-9a-f]{32}$/)
    expect(lookupIdFor('7')).toBe('lk-7902699be42c8a8e46fbbb4501726517') // as it ever was
  })

  it('is another one each time where there is no key', () => {
    expect(new Set(Array.from({ length: 1000 }, () => lookupIdFor())).size).toBe(1000)
  })

  it("of a result comes of its lookup's, and never is one of BullMQ's own keys", () => {
    for (const id of ['active', 'meta', 'wait', '1', 'lk-1']) expect(resultId(identity(id))).toBe(`rs-${id}`)
    expect(resultIdOfItsOwn(identity('1'))).toBe(`rs-1-${lookupHash(identity('1'))}`)
    expect(resultIdOfItsOwn(identity('1'))).not.toBe(resultIdOfItsOwn(identity('1', 'i')))
  })
})

import { expect, it } from 'vitest'
import { certificatesInWords } from './certificates.ts'
import type { Member } from './members.ts'

const AT = Date.parse('2027-01-10T12:00:00Z')
const seenBy = (host: string, expiresAt: string) => ({ certificate: { host, expiresAt } }) as Member

it('says of each host how long the certificate that ends first is valid', () => {
  const members = [
    seenBy('a.example', '2027-06-01T00:00:00Z'),
    seenBy('a.example', '2027-01-20T00:00:00Z'), // a machine that has the old one
    seenBy('b.example', '2027-04-20T13:00:00Z'),
    { certificate: null } as Member,
    {} as Member, // of an older version
  ]
  const found = certificatesInWords(members, AT)
  expect(found.map(({ host, state }) => [host, state])).toEqual([
    ['a.example', 'soon'],
    ['b.example', 'good'],
  ])
  expect(found[0]?.says).toMatch(/^the certificate of a\.example ends in 9 days\. Do: have its owner renew it/)
  expect(found[1]?.says).toBe('the certificate of b.example is valid for 100 days')
})

it('tells the last day in hours, and one that has ended', () => {
  const says = (expiresAt: string) => certificatesInWords([seenBy('a.example', expiresAt)], AT)[0]
  expect(says('2027-01-10T18:00:00Z')?.says).toContain('ends in 6.0 h.')
  expect(says('2027-01-10T06:00:00Z')?.says).toContain('ended 6.0 h ago: new connections fail.')
  expect(says('2027-01-10T06:00:00Z')?.state).toBe('over')
})

import { expect, it } from 'vitest'
import { commandOf, quoted } from './command.ts'

it('is what a shell takes, whatever stands in an id', () => {
  expect(commandOf('cancel', { producer: 'import', olderThanMs: 60_000, all: true })).toBe(
    'chat-enricher cancel --producer import --older-than 60000ms --all',
  )
  expect(commandOf('find', { connectionId: "o'id $x" }, ['--json'])).toBe(
    `chat-enricher find --connection-id 'o'\\''id $x' --json`,
  )
  expect(quoted('')).toBe("''")
})

import { describe, expect, it } from 'vitest'
import { Together } from './together.ts'
import { sendAtEndOfTurn } from './turn.ts'

const batches: string[][] = []
const together = () =>
  new Together<string, string>(async (questions) => {
    batches.push(questions)
    return questions.map((question) => (question === 'bad' ? new Error('only this one') : `${question}!`))
  })

describe('questions of one turn of the event loop', () => {
  it('leave together, in order, and each has its own answer', async () => {
    batches.length = 0
    const asking = together()
    expect(await Promise.all(['a', 'b', 'c'].map((question) => asking.ask(question)))).toEqual(['a!', 'b!', 'c!'])
    expect(batches).toEqual([['a', 'b', 'c']])
    await asking.ask('d')
    expect(batches).toEqual([['a', 'b', 'c'], ['d']])
  })

  it('leave at once when there are many', async () => {
    batches.length = 0
    const asking = together()
    const answers = Array.from({ length: 40 }, (_, i) => asking.ask(String(i)))
    expect(batches.map(({ length }) => length)).toEqual([16, 16])
    expect(await Promise.all(answers)).toEqual(Array.from({ length: 40 }, (_, i) => `${i}!`))
    expect(batches.map(({ length }) => length)).toEqual([16, 16, 8])
  })

  it('fail alone where one fails, and all together where the command fails', async () => {
    const asking = together()
    const outcomes = await Promise.allSettled(['a', 'bad', 'c'].map((question) => asking.ask(question)))
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    const broken = new Together<string, string>(() => Promise.reject(new Error('no connection')))
    const all = await Promise.allSettled(['a', 'b'].map((question) => broken.ask(question)))
    expect(all.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  })

  it('are asked before the sockets send, however late they came', async () => {
    const order: string[] = []
    const asking = new Together<string, string>(async () => {
      order.push('asked')
      sendAtEndOfTurn(() => order.push('sent, of the question'))
      return ['']
    })
    sendAtEndOfTurn(() => order.push('sent'))
    await asking.ask('a')
    expect(order).toEqual(['asked', 'sent', 'sent, of the question'])
  })
})

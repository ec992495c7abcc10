/** Joins questions of one kind: all that are asked in one turn of the event loop go to Redis as one command. */

import { askAtEndOfTurn } from './turn.ts'

interface Asked<Question, Answer> {
  question: Question
  resolve(answer: Answer): void
  reject(error: unknown): void
}

/** At most this many in one command, so that each step of Redis stays short. */
export const MOST_TOGETHER = 16

export class Together<Question, Answer> {
  readonly #send: (questions: Question[]) => Promise<(Answer | Error)[]>
  #asked: Asked<Question, Answer>[] = []
  readonly #sendNow = () => this.#sendAsked()

  /**
   * `send` writes one command and resolves to an answer for each question, in their order. An Error among the answers
   * rejects only its own question. If `send` rejects, all are rejected.
   */
  constructor(send: (questions: Question[]) => Promise<(Answer | Error)[]>) {
    this.#send = send
  }

  ask(question: Question): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const count = this.#asked.push({ question, resolve, reject })
      if (count === 1) askAtEndOfTurn(this.#sendNow)
      else if (count === MOST_TOGETHER) this.#sendAsked()
    })
  }

  #sendAsked(): void {
    const asked = this.#asked
    if (asked.length === 0) return // sent before the turn was over
    this.#asked = []
    this.#send(asked.map(({ question }) => question)).then(
      (answers) => settle(asked, answers),
      (error) => {
        for (const { reject } of asked) reject(error)
      },
    )
  }
}

function settle<Question, Answer>(asked: Asked<Question, Answer>[], answers: (Answer | Error)[]): void {
  asked.forEach(({ resolve, reject }, index) => {
    const answer = answers[index] as Answer | Error
    if (answer instanceof Error) reject(answer)
    else resolve(answer)
  })
}

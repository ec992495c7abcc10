/**
 * The end of a turn of the event loop. A worker runs many lookups at once, and each of them asks Redis: everything that
 * they ask in one turn leaves together. First the questions become commands, then the sockets that hold commands back
 * send them. In the other order a question would wait for the next turn.
 */

let questions: (() => void)[] = []
let sockets: (() => void)[] = []
let isDue = false

export function askAtEndOfTurn(ask: () => void): void {
  questions.push(ask)
  makeDue()
}

export function sendAtEndOfTurn(send: () => void): void {
  sockets.push(send)
  makeDue()
}

function makeDue(): void {
  if (isDue) return
  isDue = true
  setImmediate(endTurn)
}

function endTurn(): void {
  isDue = false
  const asking = questions
  questions = []
  for (const ask of asking) ask()
  const sending = sockets // those that the questions were written to, too
  sockets = []
  for (const send of sending) send()
}

/**
 * Asks who looks, and how the fleet is, while the page's own script is still on its way: so the page begins with what it is
 * there for. It is a plain script before the style, because a browser runs a module late, though it be `async`.
 * state/api.ts takes the answers. Both are asked at once, because a busy browser comes late to what waits for an answer;
 * whoever may not look is refused.
 */

export type Early = Map<string, Promise<Response>>

const early: Early = new Map()
for (const path of ['session', 'v1/status']) {
  const answer = fetch(path, { cache: 'no-store', credentials: 'same-origin' })
  // Whoever wants it asks anew: somebody may have logged in by then.
  const forget = () => early.delete(path)
  answer.then(({ ok }) => ok || forget(), forget)
  early.set(path, answer)
}
Object.assign(globalThis, { early })

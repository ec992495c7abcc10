/**
 * Alerts that are wrong in one place each: a comparison turned round, a number ten times as large, a metric under another
 * name. A unit test of the alert must notice every one of them; else nobody would notice when somebody changes it by mistake.
 */

import { parser } from '@prometheus-io/lezer-promql'

const FLIPPED: Record<string, string> = { '>': '<', '<': '>', '>=': '<', '<=': '>', '==': '!=', '!=': '==' }

export interface Mutation {
  /** What was changed, in words. */
  what: string
  expr: string
}

export function mutationsOf(expr: string): Mutation[] {
  const mutations: Mutation[] = []
  const change = (from: number, to: number, by: string) => {
    const what = `${expr.slice(from, to)} at ${from} to ${by}`
    mutations.push({ what, expr: expr.slice(0, from) + by + expr.slice(to) })
  }
  parser.parse(expr).iterate({
    enter({ name, from, to, matchContext, node }) {
      const text = expr.slice(from, to)
      const flipped = FLIPPED[text]
      if (flipped && node.parent?.name === 'BinaryExpr') change(from, to, flipped)
      else if (/^NumberDurationLiteral$|^NumberLiteral$/.test(name) && /^[\d.]+$/.test(text) && Number(text) !== 0)
        change(from, to, String(Number(text) * 10))
      else if (name === 'Identifier' && matchContext.call(node, ['VectorSelector'])) change(from, to, `${text}_gone`)
    },
  })
  return mutations
}

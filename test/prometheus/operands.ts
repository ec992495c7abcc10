/** What an alert compares: the queries left of each of its comparisons, which must find something while all is well, too. */

import { parser } from '@prometheus-io/lezer-promql'

const COMPARES = new Set(['Gtr', 'Lss', 'Gte', 'Lte', 'Eqlc', 'Eql', 'Neq'])

export function operandsOf(expr: string): string[] {
  const found: string[] = []
  parser.parse(expr).iterate({
    enter({ node }) {
      if (node.name !== 'BinaryExpr') return
      for (let child = node.firstChild; child; child = child.nextSibling) {
        const left = child.prevSibling
        if (COMPARES.has(child.name) && left) found.push(expr.slice(left.from, left.to))
      }
    },
  })
  return found.length > 0 ? found : [expr]
}

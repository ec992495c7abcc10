import { parseSelectionText, type Selection } from '../../domain/selection.ts'
import { Problem } from '../problem.ts'

/** Of what stands behind the ? of a path. */
export function selectionOf(given: Readonly<Record<string, string>>): Selection {
  const parsed = parseSelectionText(given)
  if (parsed.ok) return parsed.selection
  throw new Problem('invalid-request', parsed.problem, [
    { field: parsed.field ?? 'query', problem: parsed.problem.replace(/^\w+: /, '') },
  ])
}

import { describe, expect, it } from 'vitest'
import { filesIn, textOf } from '../operations/repository.ts'
import { RULES, titleOf } from '../operations/rule-tests.ts'

const HEADINGS = ['What it means', 'Is anything lost?', 'Look at', 'Do', 'Undo', "What to send to the service's owner"]

const alerts = RULES.filter(({ alert }) => alert !== undefined)
const files = filesIn('docs/runbooks', '.md')

describe('runbooks', () => {
  it('are there for each alert, and for no other', () => {
    const wanted = new Set(alerts.map(({ alert }) => `docs/runbooks/${alert}.md`))
    expect(files).toEqual([...wanted].sort())
  })

  it.each(alerts.map((rule) => [titleOf(rule), rule] as const))('are where %s says', (_, { alert, annotations }) => {
    // docker-compose.yml has Prometheus serve docs/runbooks there.
    expect(annotations?.runbook_url).toBe(`{{ $externalURL }}/consoles/${alert}.md`)
  })

  it.each(files)('%s has every heading of the template, each with something to say', (file) => {
    const [title, ...sections] = textOf(file).split(/^## /m)
    expect(`docs/runbooks/${title?.trim().replace('# ', '')}.md`).toBe(file)
    expect(sections.map((section) => section.split('\n')[0])).toEqual(HEADINGS)
    for (const section of sections) expect(section.split('\n').slice(1).join('\n').trim().length).toBeGreaterThan(2)
    // Prometheus serves them as templates.
    expect(textOf(file)).not.toContain('{{')
  })
})

import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

const fileOf = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
const ofNode = readdirSync(new URL('../../examples/node', import.meta.url))

describe('the examples', () => {
  it.each(ofNode)('node/%s is a program that README shows, which test/readme runs', (name) => {
    expect(fileOf('README.md')).toContain(`\n\`\`\`js\n${fileOf(`examples/node/${name}`)}\`\`\`\n`)
  })

  it('are listed with what they do', () => {
    const listed = [...fileOf('examples/README.md').matchAll(/^\| `node\/([^`]+)` \|/gm)].map(([, name]) => name)
    expect(listed.toSorted()).toEqual(ofNode.toSorted())
  })
})

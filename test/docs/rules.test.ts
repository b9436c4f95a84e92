import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { mendsText } from '../../src/cli/text/rules'
import { RULES, type RuleId } from '../../src/core/finding'
import type { RuleText } from '../../src/core/rules/rule-text'

const docs = join(import.meta.dirname, '../../docs/rules')
const ids = Object.keys(RULES) as RuleId[]
const families = [...new Set(ids.map(familyOf))]

/** The pages are these texts: `npm run docs:rules` writes them anew, and a page that is not as it should be fails here. */
describe('docs/rules', () => {
  test.each(families)('has a page for %s that says what the rules say', async (family) => {
    await expect(pageOf(family)).toMatchFileSnapshot(join(docs, `${family}.md`))
  })

  test('has a list of all rules', async () => {
    await expect(listOf()).toMatchFileSnapshot(join(docs, 'README.md'))
  })
})

test('no rule speaks of commands: a window has none', () => {
  for (const id of ids) expect(RULES[id].mends, id).not.toMatch(/\bassay\b|--[a-z]/)
})

test('every rule is told in whole sentences', () => {
  for (const id of ids) {
    const { title, means, mends } = RULES[id]
    expect(title, id).not.toMatch(/\.$/)
    for (const text of [means, mends]) expect(text, id).toMatch(/^[A-Za-z`].*[.]$/)
  }
})

function familyOf(id: string): string {
  return id.slice(0, id.indexOf('/'))
}

function pageOf(family: string): string {
  const rules = ids.filter((id) => familyOf(id) === family)
  const parts = rules.map((id) => {
    const { severity, title, means, ...text }: RuleText = RULES[id]
    return `## ${id}\n\n**${title}** (${severity})\n\n${means}\n\n*What mends it:* ${mendsText(text)}\n`
  })
  return `# ${family}\n\n${parts.join('\n')}`
}

function listOf(): string {
  const rows = ids.map((id) => {
    const { severity, title } = RULES[id]
    return `| [${id}](${familyOf(id)}.md#${id.replace('/', '')}) | ${severity} | ${title} |`
  })
  return `# Rules

What \`assay verify\` looks for. \`assay verify --rules\` prints this list; [ci.md](../ci.md) tells how to switch a rule off or
give it another severity.

| rule | severity | what it finds |
| --- | --- | --- |
${rows.join('\n')}
`
}

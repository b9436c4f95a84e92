import type { Verification } from '../../contract/schemas'
import { foldsOf, type Report, type Row } from './report'

/**
 * JUnit's XML as CI servers read it. A checkpoint is a suite: its first case is whether training can resume exactly, and a
 * checkpoint of which it cannot has a failed case for each rule that speaks of an error.
 */
export function junitText({ rows, rules }: Report): string {
  const suites = rows.map((row) => suiteOf(row, (id) => rules.get(id)?.title ?? id))
  const sum = (key: 'tests' | 'failures' | 'errors') => suites.reduce((all, suite) => all + suite[key], 0)
  const counts = `tests="${sum('tests')}" failures="${sum('failures')}" errors="${sum('errors')}"`
  const body = suites.map(({ xml }) => xml).join('\n')
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="assay verify" ${counts}>\n${body}\n</testsuites>\n`
}

function suiteOf(row: Row, titleOf: (rule: string) => string) {
  const name = attribute(row.path)
  const suite = (tests: number, failures: number, errors: number, cases: readonly string[]) => ({
    tests,
    failures,
    errors,
    xml: `  <testsuite name="${name}" tests="${tests}" failures="${failures}" errors="${errors}">\n${cases.join('\n')}\n  </testsuite>`,
  })
  if ('error' in row) {
    const message = attribute(`${row.error.message} (${row.error.code})`)
    return suite(1, 0, 1, [testcase(name, 'can be read', `<error message="${message}"/>`)])
  }
  const whole = row.verdict === 'complete'
  const notes = row.findings.map(({ severity, rule, message }) => `${severity} ${rule}: ${message}`).join('\n')
  const out = notes === '' ? '' : `<system-out>${text(notes)}</system-out>`
  const why = row.resume.why.join(' ')
  const first = testcase(
    name,
    'training can resume exactly',
    `${whole ? '' : failure(`${row.verdict}: ${why}`, why)}${out}`,
  )
  const broken = whole ? [] : failedRules(row)
  const others = broken.map(({ rule, findings }) =>
    testcase(name, rule, failure(titleOf(rule), findings.map(({ message }) => message).join('\n'))),
  )
  return suite(1 + others.length, (whole ? 0 : 1) + others.length, 0, [first, ...others])
}

function failedRules({ findings }: Verification) {
  return foldsOf(findings).filter(({ severity }) => severity === 'error')
}

function testcase(suite: string, name: string, inner: string): string {
  const head = `    <testcase classname="${suite}" name="${attribute(name)}"`
  return inner === '' ? `${head}/>` : `${head}>${inner}</testcase>`
}

function failure(message: string, body: string): string {
  return `<failure message="${attribute(message)}">${text(body)}</failure>`
}

/** Characters that no XML 1.0 document may hold, escaped or not. */
const FORBIDDEN = /[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu

function text(value: string): string {
  return value
    .replace(FORBIDDEN, '\uFFFD')
    .replace(/[&<>]/g, (character) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[character] as string)
}

function attribute(value: string): string {
  return text(value)
    .replace(/"/g, '&quot;')
    .replace(/[\t\n\r]/g, ' ')
}

import type { OpenedRun } from '../../contract/contract'
import type { Verification } from '../../contract/schemas'
import { factsOf } from './facts'
import { foldsOf, type Report, type Row } from './report'

/**
 * JUnit's XML as CI servers read it. A checkpoint is a suite: its first case is whether training can resume exactly, and a
 * checkpoint of which it cannot has a failed case for each rule that speaks of an error. A run is a suite before them.
 */
export function junitText(report: Report): string {
  const { rows, rules, runs } = report
  const each = rows.map((row) => suiteOf(row, (id) => rules.get(id)?.title ?? id))
  const suites = [...runs.map((run) => runSuite(run, report)), ...each]
  const sum = (key: 'tests' | 'failures' | 'errors') => suites.reduce((all, suite) => all + suite[key], 0)
  const counts = `tests="${sum('tests')}" failures="${sum('failures')}" errors="${sum('errors')}"`
  const body = suites.map(({ xml }) => xml).join('\n')
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="assay verify" ${counts}>\n${body}\n</testsuites>\n`
}

/** Whether a run has a checkpoint to go on from, whether the Trainer would take it, and whether its pointers lead to one. */
function runSuite({ path, lastGood, trainerPick, findings }: OpenedRun, report: Report) {
  const wrong = findings.filter(({ severity }) => severity !== 'info').map(({ message }) => message)
  const facts = `<system-out>${text(
    factsOf(report)
      .map((fact) => fact.text)
      .join('\n'),
  )}</system-out>`
  const none = 'Training can resume exactly from none of its checkpoints'
  const cases: [name: string, trouble: string | undefined][] = [
    ['training can resume exactly from one of the run', lastGood ? undefined : none],
    ['resume_from_checkpoint=True would pick wisely', trainerPick && !trainerPick.wise ? trainerPick.why : undefined],
    ['what points to a checkpoint leads to one', wrong.join('\n') || undefined],
  ]
  const failures = cases.filter(([, trouble]) => trouble !== undefined).length
  const told = cases.map(([name, trouble], i) =>
    testcase(attribute(path), name, `${trouble === undefined ? '' : failure(trouble, trouble)}${i === 0 ? facts : ''}`),
  )
  return suite(attribute(path), cases.length, failures, 0, told)
}

function suite(name: string, tests: number, failures: number, errors: number, cases: readonly string[]) {
  const counts = `tests="${tests}" failures="${failures}" errors="${errors}"`
  const xml = `  <testsuite name="${name}" ${counts}>\n${cases.join('\n')}\n  </testsuite>`
  return { tests, failures, errors, xml }
}

function suiteOf(row: Row, titleOf: (rule: string) => string) {
  const name = attribute(row.path)
  if ('error' in row) {
    const message = attribute(`${row.error.message} (${row.error.code})`)
    return suite(name, 1, 0, 1, [testcase(name, 'can be read', `<error message="${message}"/>`)])
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
  return suite(name, 1 + others.length, (whole ? 0 : 1) + others.length, 0, [first, ...others])
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

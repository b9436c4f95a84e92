import { isAbsolute, join, relative } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { OpenedRun } from '../../contract/contract'
import type { Finding, Verification } from '../../contract/schemas'
import { mendsText } from '../text/rules'
import { inertJson } from '../text/safe'
import { factsOf } from './facts'
import { fileOf, type Report } from './report'

const LEVELS = { error: 'error', warning: 'warning', info: 'note' } as const

/**
 * SARIF 2.1.0 (OASIS), as code scanning reads it: every rule that was broken with its texts, every finding one result, places
 * relative to the folder Assay was started in where they lie in it.
 */
export function sarifText(report: Report): string {
  const { rows, rules, version, runs } = report
  const verified = rows.flatMap((row) => ('error' in row ? [] : [row]))
  const found = [...runs.map(asWhole), ...verified]
  const broken = [...new Set(found.flatMap(({ findings }) => findings.map(({ rule }) => rule)))]
  const places = new Map(broken.map((rule, i) => [rule, i]))
  const document = {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'Assay',
            semanticVersion: version,
            rules: broken.map((id) => {
              const text = rules.get(id)
              return {
                id,
                ...(text && {
                  shortDescription: { text: `${text.title}.` },
                  fullDescription: { text: text.means },
                  help: { text: mendsText(text) },
                  defaultConfiguration: { level: LEVELS[text.severity] },
                }),
              }
            }),
          },
        },
        invocations: [
          {
            executionSuccessful: verified.length === rows.length,
            toolExecutionNotifications: rows.flatMap((row) =>
              'error' in row ? [{ level: 'error', message: { text: `${row.path}: ${row.error.message}` } }] : [],
            ),
          },
        ],
        ...propertiesOf(report),
        results: found.flatMap((row) =>
          row.findings.map((finding) => resultOf(finding, row, places.get(finding.rule) ?? 0, report)),
        ),
      },
    ],
  }
  return inertJson(document, true)
}

function propertiesOf(report: Report) {
  const [first, ...others] = report.runs.map((run) => runProperties(run, report))
  if (!first) return {}
  return { properties: others.length === 0 ? first : { runs: [first, ...others] } }
}

/** What the checkpoints of a run tell together, as a property bag: for readers that know it, and in words. */
function runProperties(run: OpenedRun, report: Report) {
  const { kind: _, checkpoints: __, ...facts } = run
  return { ...facts, facts: factsOf({ ...report, runs: [run] }).map(({ text }) => text) }
}

/** The run itself, for findings that are about no checkpoint of it. */
function asWhole({ path, findings }: OpenedRun): Found {
  return { path, findings, components: [] }
}

type Found = Pick<Verification, 'path' | 'findings' | 'components'>

function resultOf(finding: Finding, row: Found, ruleIndex: number, { folder }: Report) {
  const { rule, severity, subject, message, repair, evidence } = finding
  const file = fileOf(finding, row)
  const path = file === undefined || row.path.endsWith(`/${file}`) ? row.path : join(row.path, file)
  return {
    ruleId: rule,
    ruleIndex,
    level: LEVELS[severity],
    message: { text: repair === undefined ? `${message}.` : `${message}. ${repair}.` },
    locations: [
      {
        physicalLocation: { artifactLocation: { uri: uriOf(path, folder) } },
        logicalLocations: [{ name: subject, fullyQualifiedName: `${row.path}: ${subject}` }],
      },
    ],
    partialFingerprints: { 'assay/v1': `${rule} ${subject}` },
    ...(evidence && { properties: { evidence } }),
  }
}

function uriOf(path: string, folder: string): string {
  const inside = relative(folder, path)
  if (inside === '' || inside.startsWith('..') || isAbsolute(inside)) return pathToFileURL(path).href
  return inside.split(/[\\/]/).map(encodeURIComponent).join('/')
}

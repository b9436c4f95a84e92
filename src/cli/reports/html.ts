import { mendsText } from '../text/rules'
import { safe } from '../text/safe'
import { bytesText, countText, plural } from '../text/units'
import { factsOf } from './facts'
import { foldsOf, type Report, type Row } from './report'

export const STYLE = `
:root { color-scheme: light dark }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h1, h2 { font-size: 1.1rem; overflow-wrap: anywhere }
table { border-collapse: collapse; width: 100% }
td, th { text-align: left; padding: .25rem .75rem .25rem 0; vertical-align: top; border-top: 1px solid #8884; overflow-wrap: anywhere }
.complete, .present { color: #2b8a3e } .partial, .missing, .warning { color: #c47f00 }
.broken, .damaged, .error { color: #e03131 } .info { color: #1971c2 }
details { margin: .5rem 0 } li { overflow-wrap: anywhere } footer { opacity: .7 }
`

/** A page that stands alone: no script, nothing fetched. */
export function htmlText(report: Report): string {
  const { path, rows, version } = report
  const facts = factsOf(report).map(
    ({ text: fact, grave }) => `<li${grave ? ' class="warning"' : ''}>${text(fact)}</li>`,
  )
  const title = path || 'Checkpoints'
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Assay: ${text(title)}</title><style>${STYLE}</style></head>
<body><h1>${text(title)}</h1>
${facts.length > 0 ? `<ul>${facts.join('')}</ul>` : ''}${rows.map((row) => section(row, report)).join('\n')}
<footer>Assay ${text(version)}</footer></body></html>
`
}

function section(row: Row, report: Report): string {
  if ('error' in row)
    return `<section><h2>${text(row.path)}</h2><p class="error">${text(row.error.message)}</p></section>`
  const { path, verdict, resume, components, findings, tensors, step, layoutLabel, deep } = row
  const amount = `${plural(tensors.count, 'tensor')}, ${countText(tensors.parameters)} parameters, ${bytesText(tensors.bytes)}`
  const shown = components.filter(({ status }) => status !== 'not-applicable')
  return `<section><h2>${text(path)}</h2>
<p><b class="${verdict}">${verdict.toUpperCase()}</b> (resume: ${resume.level})</p>
<ul>${resume.why.map((why) => `<li>${text(why)}</li>`).join('')}</ul>
<p>${text(layoutLabel)}${step === undefined ? '' : `, step ${step}`}; ${amount}; ${deep ? 'every value read' : 'values not read'}</p>
<table>${shown
    .map(
      ({ label, status, files, note }) =>
        `<tr><th>${label}</th><td class="${status}">${status}</td><td>${text(files.join(', '))}</td><td>${text(note ?? '')}</td></tr>`,
    )
    .join('')}</table>
${foldsOf(findings)
  .map((fold) => foldHtml(fold, report))
  .join('\n')}</section>`
}

function foldHtml({ rule, severity, findings }: ReturnType<typeof foldsOf>[number], { rules }: Report): string {
  const help = rules.get(rule)
  const count = findings.length > 1 ? ` × ${findings.length}` : ''
  const means = help ? `<p>${text(help.means)} <i>What mends it:</i> ${text(mendsText(help))}</p>` : ''
  const items = findings.map(({ message }) => `<li>${text(message)}</li>`).join('')
  const title = `<span class="${severity}">${severity}</span> <b>${rule}</b>${count}: ${text(help?.title ?? '')}`
  return `<details${severity === 'error' ? ' open' : ''}><summary>${title}</summary><ul>${items}</ul>${means}</details>`
}

export function text(value: string): string {
  const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }
  return safe(value).replace(/[&<>"']/g, (character) => entities[character] as string)
}

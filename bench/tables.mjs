import { readFileSync, writeFileSync } from 'node:fs'
import { cpus, release, totalmem, type } from 'node:os'
import { fileURLToPath } from 'node:url'

const PAGE = fileURLToPath(new URL('../docs/benchmarks.md', import.meta.url))
/** What stands below this line is written anew. */
const MARK = '<!-- npm run bench -- --write -->'
const HEAD = ['', 'seconds', 'x first row', 'GB/s', 'CPU (s)', 'peak RSS (MB)', 'target']

function cells({ what, seconds, ratio, cpuSeconds, residentBytes, told }, bytes) {
  return [
    what,
    seconds.toFixed(3),
    ratio.toFixed(2),
    bytes === undefined ? '' : (bytes / seconds / 1e9).toFixed(2),
    Number.isFinite(cpuSeconds) ? cpuSeconds.toFixed(3) : '',
    residentBytes > 0 ? String(Math.round(residentBytes / 1e6)) : '',
    told.join('; '),
  ]
}

/** Columns between the name and the targets. */
const isNumber = (column) => column > 0 && column < HEAD.length - 1

/** `18 of 20 targets met`. */
function summary(tables) {
  const all = tables.flatMap(({ rows }) => rows.flatMap(({ told }) => told))
  return `${all.filter((each) => !each.includes('**')).length} of ${all.length} targets met`
}

export function print(tables) {
  for (const { title, bytes, rows } of tables) {
    console.log(`\n${title}`)
    const lines = [HEAD, ...rows.map((row) => cells(row, bytes))]
    const widths = HEAD.map((_, column) => Math.max(...lines.map((line) => line[column].length)))
    for (const line of lines)
      console.log(
        line
          .map((cell, i) => (isNumber(i) ? cell.padStart(widths[i]) : cell.padEnd(widths[i])))
          .join('  ')
          .trimEnd(),
      )
  }
  console.log(`\n${summary(tables)}`)
}

/** Puts the tables, and when and where they were measured, below the mark of docs/benchmarks.md. */
export function write(tables, how) {
  const machine = `${cpus().length} x ${cpus()[0].model}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${type()} ${release()}, Node ${process.version}`
  const day = new Date().toISOString().slice(0, 10)
  const parts = tables.map(({ title, bytes, rows }) => {
    const lines = rows.map((row) => `| ${cells(row, bytes).join(' | ')} |`)
    return `## ${title}\n\n| ${HEAD.join(' | ')} |\n|${HEAD.map((_, i) => (isNumber(i) ? ' ---: |' : ' --- |')).join('')}\n${lines.join('\n')}\n`
  })
  const page = readFileSync(PAGE, 'utf8')
  const kept = page.slice(0, page.indexOf(MARK) + MARK.length)
  writeFileSync(
    PAGE,
    `${kept}\n\nMeasured on ${day} with \`${how}\`: ${machine}.\n${summary(tables)}.\n\n${parts.join('\n')}`,
  )
}

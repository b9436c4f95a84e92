import type { DiffReport, DiffRow } from '../../contract/schemas'
import { colors } from '../complaint'
import type { Io } from '../io'
import { nameText, safe } from '../text/safe'
import { table, tablePieces } from '../text/table'
import { numberText, plural } from '../text/units'
import {
  changeOf,
  cosineText,
  countsOf,
  isListed,
  MODULES_HEAD,
  moduleCells,
  modulesOf,
  nameOf,
  short,
} from './diff-cells'

/** For a terminal, in pieces; `depth` asks for modules instead of tensors, whose names are up to so many parts long. */
export function* diffText(report: DiffReport, depth: number | undefined, io: Io): Generator<string> {
  const { a, b, identical, tensors, state, conclusions = [] } = report
  const { bold, dim, green, yellow } = colors(io)
  const verdict = identical ? green('Identical') : yellow('Different')
  yield `A  ${bold(safe(a))}\nB  ${bold(safe(b))}\n`
  yield `\n${verdict}: ${plural(tensors.length, 'tensor')}, ${countsOf(report)}\n`
  if (conclusions.length > 0) yield `\n${conclusions.map(({ text }) => `${safe(text)}.\n`).join('')}`
  if (depth !== undefined) {
    yield '\n'
    yield table([MODULES_HEAD, ...modulesOf(report, depth).map((row) => moduleCells(row).map(safe))], {
      indent: '  ',
      align: ['left', 'right', 'right', 'right', 'right'],
      paint: (cell, _, row) => (row === 0 ? dim(cell) : cell),
    })
  } else if (tensors.some(isListed)) {
    yield '\n'
    yield* tablePieces(rowsOf(tensors, io), {
      indent: '  ',
      align: ['left', 'left', 'right', 'right', 'right', 'right', 'right', 'right'],
      paint: (cell, column, row) => (row === 0 ? dim(cell) : column === 1 ? yellow(cell) : cell),
    })
  }
  if (state.length === 0) return
  yield '\n'
  yield table(
    state.map(({ what, a, b, same }) => [safe(what), safe(short(a)), same ? '=' : '→', same ? '' : safe(short(b))]),
    { indent: '  ', paint: (cell, column) => (column === 2 ? dim(cell) : cell) },
  )
}

/** Made anew each time they are asked for: the cells of 100,000 tensors are more than the tensors. */
function rowsOf(tensors: readonly DiffRow[], io: Io): Iterable<readonly string[]> {
  const ulp = tensors.some(({ maxUlp }) => maxUlp !== undefined)
  return {
    *[Symbol.iterator]() {
      yield ['tensor', '', 'changed', 'max |d|', 'rms', 'rel L2', 'cosine', ulp ? 'max ulp' : '', '']
      for (const row of tensors) {
        if (!isListed(row)) continue
        yield [
          nameText(nameOf(row), io.stdout),
          row.status,
          changeOf(row),
          numberText(row.maxAbs),
          numberText(row.rms),
          numberText(row.relL2),
          cosineText(row.cosine),
          ulp ? numberText(row.maxUlp) : '',
          safe(row.note ?? ''),
        ]
      }
    },
  }
}

import type { Statistics, TensorRow } from '../../contract/schemas'
import { colors } from '../complaint'
import type { Io } from '../io'
import { withSession } from '../session'
import { STATUS, type Status } from '../status'
import { tensorRows } from '../tensors'
import { exponentsText } from '../text/exponents'
import { progressLine } from '../text/progress'
import { jsonText, nameText, safe } from '../text/safe'
import { table } from '../text/table'
import { numberText, plural, shapeText } from '../text/units'

/** Tensors without values that are called by their names below the table. */
const MOST_NAMED = 10

interface Options {
  readonly filter?: string
  readonly exponents?: true
  readonly json?: true
}

type Measured = Pick<TensorRow, 'name' | 'dtype' | 'shape' | 'file' | 'component'> & Statistics & { error?: string }

export async function stats(path: string, options: Options, io: Io): Promise<Status> {
  return withSession(io, async (session) => {
    const opened = await session.checkpoint(path)
    const { id } = opened
    const rows = new Map((await tensorRows(session, id, options.filter)).map((row) => [row.index, row]))
    const total = [...rows.values()].reduce((sum, row) => sum + row.bytes, 0)
    const progress = progressLine(io)
    const tensors: Measured[] = []
    let done = 0
    const stream = await session.client.statistics(
      { id, indices: [...rows.keys()], exponents: options.json === true || options.exponents === true },
      { ...(io.signal && { signal: io.signal }) },
    )
    for await (const { index, statistics, error } of stream) {
      const row = rows.get(index)
      if (!row) continue
      const { name, dtype, shape, file, component } = row
      tensors.push({ name, dtype, shape, file, component, ...statistics, ...(error !== undefined && { error }) })
      done += row.bytes
      progress.show({ done, total, label: name })
    }
    progress.clear()
    io.stdout.write(
      options.json ? jsonText({ path: opened.path, tensors }, io.stdout.isTTY === true) : text(tensors, options, io),
    )
    const unread = tensors.filter(({ error }) => error !== undefined)
    if (unread.length === 0) return STATUS.good
    const names = unread.slice(0, MOST_NAMED).map(({ name }) => nameText(name, io.stderr))
    const more = unread.length > names.length ? ' ...' : ''
    const count = `${unread.length} of ${plural(tensors.length, 'tensor')}`
    io.stderr.write(
      `${colors(io, 'stderr').red('assay:')} the values of ${count} cannot be read: ${names.join(', ')}${more}\n`,
    )
    return STATUS.trouble
  })
}

function text(tensors: readonly Measured[], { exponents }: Options, io: Io): string {
  const { dim, red, bold } = colors(io)
  const counted = exponents ? ['exponents'] : []
  const head = ['tensor', 'dtype', 'shape', 'min', 'max', 'mean', 'std', 'l2', 'zeros', 'nan', 'inf', ...counted, '']
  const lines = tensors.map((one) => [
    nameText(one.name, io.stdout),
    one.dtype,
    shapeText(one.shape),
    ...[one.min, one.max, one.mean, one.std, one.l2, one.zeros, one.nan, one.inf].map(numberText),
    ...(exponents ? [exponentsText(one.exponents)] : []),
    safe(one.error ?? ''),
  ])
  return table([head, ...lines], {
    align: ['left', 'left', 'left', ...new Array<'right'>(8).fill('right')],
    paint: (cell, column, row) => {
      if (row === 0) return bold(cell)
      if (column === head.length - 1 || ((column === 9 || column === 10) && cell.trim() !== '0')) return red(cell)
      return column === 1 || column === 2 ? dim(cell) : cell
    },
  })
}

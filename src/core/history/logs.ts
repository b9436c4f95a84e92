import { fieldsOf, numberOf, type Plain } from '../decode/plain'
import type { Point } from './points'

type Unit = 'step' | 'epoch'

/** Series read from one record, each in the order written: where its steps go back, training was taken up again. */
export interface Logs {
  readonly loss: readonly Point[]
  readonly evalLoss: readonly Point[]
  readonly learningRate: readonly Point[]
  readonly metrics: ReadonlyMap<string, readonly Point[]>
  /** What the steps of `loss` count. */
  readonly lossUnit: Unit
}

/** What the record's own counters say, to tell a list with one entry a step from one with one entry an epoch. */
export interface Progress {
  /** The number that the writer of logged series gives to the first step: Lightning counts from 0. */
  readonly firstStep?: number
  readonly step?: number
  readonly epoch?: number
}

const LOSS = /^(train(ing)?_?)?loss(es)?(_history|_list|_log)?$/
const EPOCH_LOSS = /^(train(ing)?_?)?epoch_?loss(es)?$|^loss(es)?_per_epoch$/
const EVAL_LOSS = /^(val|valid|validation|eval|test|dev)_?(epoch_?)?loss(es)?(_history|_list|_log)?$/
const RATE = /^(lr|lrs|learning_?rates?)(_history|_list|_log)?$/
/** Rows of a log: a list of objects. */
const ROWS = /^(log_?history|history|logs?|training_?(log|history))$/
/** Objects that hold one list for each name. */
const TABLES = /^(metrics?_?history|metrics|history|training_?history|logs)$/
const STEP_KEYS = ['step', 'global_step', 'iteration', 'iter', 'steps']
/** Of a row: bookkeeping, not measurements. */
const NOT_METRICS = /_runtime$|_per_second$|^(total_flos|epoch|train_loss|time|timestamp)$/
/** Deeper than this nobody keeps a log. */
const MAX_DEPTH = 3
/** Lists of other things (weights, tokens) can be long; a log is not longer than this. */
const MAX_LENGTH = 2_000_000

/** Series of loggers that measure nothing: Lightning logs the epoch beside each value, and a placeholder for hyperparameters. */
const BOOKKEEPING = /^(epoch|hp_metric)$/

/** A series that knows its steps. */
interface Placed {
  readonly name: string
  readonly points: Point[]
  readonly unit: Unit
}

/** A list of numbers under a name. */
interface List {
  readonly name: string
  readonly values: readonly number[]
  /** It stands in a table of metrics, so that any name will do. */
  readonly metric: boolean
}

/**
 * The series in a record of plain values: rows such as Hugging Face's `log_history`, told apart by their keys, or lists
 * under the usual names (`epoch_losses`, `loss_history`, `metric_history` ...), wherever they lie within three levels.
 */
export function logsOf(value: Plain, progress: Progress): Logs {
  const series = new Series(progress)
  const lists: List[] = []
  const placed: Placed[] = []
  gather(value, series, lists, placed, MAX_DEPTH)
  // The longest first: it is the loss, where several are named so.
  for (const each of placed.sort((a, b) => b.points.length - a.points.length)) series.addPlaced(each)
  // The losses come first: what their steps count decides for the others.
  const isLoss = ({ name }: List) => LOSS.test(name) || EPOCH_LOSS.test(name)
  for (const list of lists.filter(isLoss)) series.addLosses(list)
  for (const list of lists.filter((list) => !isLoss(list))) series.addList(list)
  return series.logs()
}

class Series {
  private loss: Point[] = []
  private lossUnit: Unit = 'step'
  private evalLoss: Point[] = []
  private learningRate: Point[] = []
  private readonly metrics = new Map<string, Point[]>()
  private readonly columns = new Map<string, Point[] | undefined>()

  constructor(private readonly progress: Progress) {}

  logs(): Logs {
    return {
      loss: this.loss,
      evalLoss: this.evalLoss,
      learningRate: this.learningRate,
      metrics: this.metrics,
      lossUnit: this.lossUnit,
    }
  }

  /**
   * Rows of transformers' `log_history` (trainer_callback.py, 5.18): training {loss, learning_rate, grad_norm}, evaluation
   * {eval_loss, eval_*}, and a last one of totals {train_runtime, train_loss ...}, which is no measurement at a step.
   */
  addRow(row: { readonly [key: string]: Plain }): void {
    const stepKey = STEP_KEYS.find((key) => numberOf(row[key]) !== undefined)
    const step = stepKey === undefined ? undefined : numberOf(row[stepKey])
    if (step === undefined || !Number.isFinite(step) || row.train_runtime !== undefined) return
    // No list of entries for each of so many rows; objects of parsed files have no prototype.
    for (const key in row) {
      const value = measured(row[key] as Plain)
      if (value !== undefined) this.columnOf(key)?.push({ step, value })
    }
  }

  /** Where the entries of rows under a key go; a log of many rows has few keys. */
  private columnOf(key: string): Point[] | undefined {
    const column = this.columns.get(key)
    if (column !== undefined || this.columns.has(key)) return column
    const skipped = STEP_KEYS.includes(key) || NOT_METRICS.test(key)
    const found = skipped ? undefined : this.seriesOf(key, true)
    this.columns.set(key, found)
    return found
  }

  addLosses({ name, values }: List): void {
    const { every, unit } = this.spacing(values.length, EPOCH_LOSS.test(name))
    // A list that has one loss a step says more than one that has one an epoch.
    if (this.loss.length > 0 && (unit === 'epoch' || this.lossUnit === 'step')) return
    this.loss = spread(values, every)
    this.lossUnit = unit
  }

  addList({ name, values, metric }: List): void {
    const { every, unit } = this.spacing(values.length, false)
    const byEpoch = unit === 'epoch' && (this.lossUnit === 'step' || RATE.test(name))
    // An entry an epoch, beside series by step, stands at the epoch's last step.
    const spacing = byEpoch ? (this.progress.step ?? values.length) / values.length : every
    const points = this.seriesOf(name, metric)
    if (points) for (const point of spread(values, spacing)) points.push(point)
  }

  /**
   * A series with a step for each value, named as its logger names it: `train/loss`, `lr-AdamW`. Of several losses the first
   * is the loss, the others are metrics.
   */
  addPlaced({ name, points: written, unit }: Placed): void {
    const role = roleOf(name)
    const shift = 1 - (this.progress.firstStep ?? 1)
    const points = written.flatMap(({ step, value }) => (Number.isFinite(step) ? [{ step: step + shift, value }] : []))
    if (role === undefined || this[role].length > 0) {
      if (!BOOKKEEPING.test(name)) this.metrics.set(name, points)
      return
    }
    this[role] = points
    if (role === 'loss') this.lossUnit = unit
  }

  private seriesOf(name: string, metric: boolean): Point[] | undefined {
    if (LOSS.test(name)) return this.loss
    if (EVAL_LOSS.test(name)) return this.evalLoss
    if (RATE.test(name)) return this.learningRate
    if (!metric) return undefined
    const points = this.metrics.get(name) ?? []
    this.metrics.set(name, points)
    return points
  }

  /** How many steps (or epochs) lie between the entries of a list of `length`. */
  private spacing(length: number, perEpoch: boolean): { every: number; unit: Unit } {
    const { step, epoch } = this.progress
    if (perEpoch) return { every: 1, unit: 'epoch' }
    if (step === undefined || length === step) return { every: 1, unit: 'step' }
    if (length === epoch || length - 1 === epoch) return { every: 1, unit: 'epoch' }
    return { every: Number.isInteger(step / length) ? step / length : 1, unit: 'step' }
  }
}

function gather(value: Plain, series: Series, lists: List[], placed: Placed[], depth: number): void {
  const fields = fieldsOf(value)
  if (fields === undefined || depth === 0) return
  for (const [name, inner] of Object.entries(fields)) {
    const rows = Array.isArray(inner) && ROWS.test(name) ? inner.slice(0, MAX_LENGTH).map(fieldsOf) : []
    for (const row of rows) if (row !== undefined) series.addRow(row)
    const own = placedSeries(name, inner)
    const values = numbersOf(inner)
    const columns = TABLES.test(name) ? tableOf(inner) : []
    if (own !== undefined) placed.push(own)
    else if (values !== undefined) lists.push({ name, values, metric: false })
    else if (columns.length > 0) for (const column of columns) lists.push(column)
    else gather(inner, series, lists, placed, depth - 1)
  }
}

function tableOf(value: Plain): List[] {
  const columns = Object.entries(fieldsOf(value) ?? {}).map(([name, list]) => ({ name, values: numbersOf(list) }))
  return columns.flatMap(({ name, values }) => (values === undefined ? [] : [{ name, values, metric: true }]))
}

function spread(values: readonly number[], every: number): Point[] {
  return values.map((value, i) => ({ step: (i + 1) * every, value }))
}

/** What a logger's name for a series means, its separators read as underscores. */
function roleOf(name: string): 'loss' | 'evalLoss' | 'learningRate' | undefined {
  const plain = name.toLowerCase().replace(/[^a-z0-9]+/g, '_')
  if (LOSS.test(plain) || EPOCH_LOSS.test(plain) || /^(train(ing)?_)?loss_(step|epoch|train(ing)?)$/.test(plain))
    return 'loss'
  if (
    EVAL_LOSS.test(plain) ||
    /^(val|valid|validation|eval|test)_loss_(step|epoch)$|^loss_(val|valid|validation|eval|test)$/.test(plain)
  )
    return 'evalLoss'
  return RATE.test(plain) || /^(train_)?(lr|learning_rate)(_[a-z]+\d*(_pg\d+)?)?$/.test(plain)
    ? 'learningRate'
    : undefined
}

/** The value as a series with its steps or epochs: `{steps: [...], values: [...]}`, as the readers of logs leave it. */
function placedSeries(name: string, value: Plain): Placed | undefined {
  const fields = fieldsOf(value)
  const unit = fields?.steps === undefined ? 'epoch' : 'step'
  const at = fields && numbersOf(fields[`${unit}s`] ?? null)
  const values = fields && numbersOf(fields.values ?? null)
  if (!at || !values || at.length !== values.length) return undefined
  return { name, points: at.map((step, i) => ({ step, value: values[i] as number })), unit }
}

/** The value as a list of numbers, if it is one of at least one number and of nothing else. */
function numbersOf(list: Plain): number[] | undefined {
  if (!Array.isArray(list) || list.length === 0 || list.length > MAX_LENGTH) return undefined
  const values: number[] = []
  for (const entry of list) {
    const value = measured(entry)
    if (value === undefined) return undefined
    values.push(value)
  }
  return values
}

const NON_FINITE = new Map([
  ['nan', Number.NaN],
  ['inf', Number.POSITIVE_INFINITY],
  ['infinity', Number.POSITIVE_INFINITY],
  ['-inf', Number.NEGATIVE_INFINITY],
  ['-infinity', Number.NEGATIVE_INFINITY],
])

/** A number, or the text that some writers put for one that JSON cannot hold. */
function measured(entry: Plain): number | undefined {
  return typeof entry === 'string' ? NON_FINITE.get(entry.toLowerCase()) : numberOf(entry)
}

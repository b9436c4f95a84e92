import type { Checkpoint, Run } from '../checkpoint/checkpoint'
import { runsOf } from '../checkpoint/run'
import { type History, historyOf } from '../history/history'
import { factsOf, type RunFacts } from './facts'
import { type RowOptions, type RunRow, rowsOf } from './row'
import { sideLogs } from './side-logs'

/** A run whose checkpoints are opened once, for its rows, its facts and its history. */
export class RunReading {
  readonly #rows = new Map<string, RunRow>()
  readonly #runs: readonly Run[]
  readonly #places: ReadonlyMap<string, { readonly run: Run; readonly place: number }>
  /** Of each run the last checkpoint with a schedule, or else the last: closed, with what was read of it. */
  readonly #last = new Map<Run, { readonly place: number; readonly checkpoint: Checkpoint }>()

  constructor(
    private readonly run: Run,
    private readonly options: RowOptions,
  ) {
    this.#runs = runsOf(run)
    this.#places = new Map(
      this.#runs.flatMap((each) => each.checkpoints.map(({ path }, place) => [path, { run: each, place }])),
    )
  }

  /** Reads and gives a row for each checkpoint, the newest first: people look at it first. Throws as `rowsOf`. */
  async *rows(): AsyncGenerator<RunRow> {
    const newestFirst = { ...this.run, checkpoints: this.run.checkpoints.toReversed() }
    const onOpened = (checkpoint: Checkpoint) => this.#keep(checkpoint)
    for await (const row of rowsOf(newestFirst, { ...this.options, onOpened })) {
      this.#rows.set(row.path, row)
      yield row
    }
  }

  /** The rows that were read, the oldest first. */
  ordered({ checkpoints }: Run = this.run): RunRow[] {
    return checkpoints.flatMap(({ path }) => this.#rows.get(path) ?? [])
  }

  /** What the rows tell together. Throws as `factsOf`. */
  facts(): Promise<RunFacts> {
    return factsOf(this.run, this.ordered(), this.options.rules)
  }

  /** The history of the run, or of several that of the one written last: what its rows and the logs beside them tell. */
  async history(): Promise<History> {
    const written = (run: Run) => Math.max(0, ...this.ordered(run).map(({ modified }) => modified))
    const [latest = this.run] = this.#runs.toSorted((a, b) => written(b) - written(a))
    const sources = this.ordered(latest).map(({ name, modified, logs }) => ({ name, time: modified, logs }))
    return historyOf([...sources, ...(await sideLogs(latest, this.options.signal))], this.#last.get(latest)?.checkpoint)
  }

  #keep(checkpoint: Checkpoint): void {
    const at = this.#places.get(checkpoint.path)
    if (!at) return
    const place = checkpoint.state.schedulers.length > 0 ? at.place + this.#places.size : at.place
    if (place >= (this.#last.get(at.run)?.place ?? 0)) this.#last.set(at.run, { place, checkpoint })
  }
}

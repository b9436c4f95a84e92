import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { Failures } from './failures'
import { type Input, Inputs } from './input'
import { Prober } from './prober'
import { Stage } from './stage'
import { subjectsIn } from './subjects'

const USAGE = `Mutates the golden files and opens them as a user would.
  --minutes N    how long (1)
  --seed S       which inputs (the time of day)
  --case NAME    only the files of one golden case
  --number I     only the input of that number, and what becomes of it`

const ENGINE_EVERY = 7

interface Row {
  inputs: number
  /** Inputs in which nothing was found amiss. */
  clean: number
  failed: number
  rules: Set<string>
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '1' },
      seed: { type: 'string' },
      case: { type: 'string' },
      number: { type: 'string' },
      help: { type: 'boolean' },
    },
  })
  const minutes = Number(values.minutes)
  const seed = Number(values.seed ?? Math.floor(Date.now() / 1000))
  const only = values.number === undefined ? undefined : Number(values.number)
  if (values.help || ![minutes, seed, only ?? 0].every((each) => each >= 0)) {
    console.log(USAGE)
    return values.help ? 0 : 2
  }
  const golden = resolve('test/golden')
  const subjects = await subjectsIn(golden, values.case)
  if (subjects.length === 0) {
    console.error(`There is no golden case ${values.case}`)
    return 2
  }
  const inputs = new Inputs(subjects, seed)
  const stage = new Stage(golden)
  const prober = new Prober()
  const failures = new Failures(resolve('test-results/fuzz'), golden, seed, stage, prober)
  const rows = new Map<string, Row>()
  const run = async (input: Input) => {
    const engine = input.number % ENGINE_EVERY === 0
    const { subject, bytes, deep } = input
    const trial = await stage.show(subject, bytes, (path) => prober.try({ path, deep, engine }, bytes.length))
    count(rows, input, trial)
    if (trial.failure !== undefined) await failures.add(input, engine, trial)
    return trial
  }
  const started = performance.now()
  let done = 0
  try {
    if (only !== undefined) console.log(await run(await inputs.make(only)))
    else {
      console.log(`${subjects.length} files, seed ${seed}, ${minutes} min`)
      for (; performance.now() - started < minutes * 60_000; done++) await run(await inputs.make(done))
      report(rows, done, (performance.now() - started) / 1000)
    }
  } finally {
    prober.close()
    stage.remove()
  }
  for (const [way, times] of failures.byWay) console.log(`${times} x ${way}`)
  return failures.byWay.size === 0 ? 0 : 1
}

function count(
  rows: Map<string, Row>,
  { subject }: Input,
  trial: { rules: readonly string[]; failure?: string },
): void {
  const row = rows.get(subject.kind) ?? { inputs: 0, clean: 0, failed: 0, rules: new Set() }
  rows.set(subject.kind, row)
  row.inputs++
  if (trial.failure !== undefined) row.failed++
  else if (!trial.rules.some((rule) => rule.startsWith('file/') || rule.startsWith('pickle/'))) row.clean++
  for (const rule of trial.rules) row.rules.add(rule)
}

function report(rows: Map<string, Row>, inputs: number, seconds: number): void {
  const table = [...rows]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([kind, row]) => [kind, { ...row, rules: row.rules.size }])
  console.table(Object.fromEntries(table))
  console.log(`${inputs} inputs in ${seconds.toFixed(0)} s, ${(inputs / seconds).toFixed(0)} inputs/s`)
}

process.exitCode = await main()

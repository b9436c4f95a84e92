import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Input } from './input'
import { minimise } from './minimise'
import type { Prober, Trial } from './prober'
import { keepCase, type Stage } from './stage'

/** Inputs kept that fail in the same way. */
const KEPT_ALIKE = 2

/** Keeps the inputs that failed, each in a folder with the reason and the command that shows it again. */
export class Failures {
  /** How many inputs failed in each way. */
  readonly byWay = new Map<string, number>()

  constructor(
    private readonly folder: string,
    private readonly golden: string,
    private readonly seed: number,
    private readonly stage: Stage,
    private readonly prober: Prober,
  ) {}

  async add(input: Input, engine: boolean, { failure = '', costly }: Trial): Promise<void> {
    const way = wayOf(failure)
    const known = this.byWay.get(way) ?? 0
    this.byWay.set(way, known + 1)
    if (known >= KEPT_ALIKE) return
    const { number, subject, deep } = input
    const name = `${this.seed}-${number}-${subject.case}`
    const folder = join(this.folder, name)
    if (existsSync(folder)) rmSync(folder, { recursive: true })
    const failsAlike = async (candidate: Uint8Array) => {
      const trial = await this.stage.show(subject, candidate, (path) =>
        this.prober.try({ path, deep, engine }, candidate.length),
      )
      return trial.failure !== undefined && wayOf(trial.failure) === way
    }
    const bytes = costly ? input.bytes : await minimise(input.bytes, failsAlike)
    const path = keepCase(folder, this.golden, subject, bytes)
    const again = `npm run fuzz -- --seed ${this.seed} --number ${number}`
    const text = [
      failure,
      '',
      `File     ${subject.file}, ${input.bytes.length} bytes, here cut down to ${bytes.length}`,
      `Again    ${again}    (while the golden files stay as they are)`,
      `Open     node out/cli/assay.cjs verify ${path}${deep ? ' --deep' : ''}`,
    ].join('\n')
    writeFileSync(`${folder}.txt`, `${text}\n`)
    console.log(`\nInput ${number} failed.\n${text}\n`)
  }
}

/** What makes failures alike: the kind of error and where in our code it was thrown, or the message where nothing was. */
function wayOf(failure: string): string {
  const [message = '', ...stack] = failure.split('\n')
  const places = stack.filter((line) => /^\s+at .*src[\\/]/.test(line)).slice(0, 4)
  if (places.length === 0) return message.replace(/\d+(\.\d+)?/g, '#').slice(0, 100)
  return `${message.split(':', 1)} at ${places.map((line) => line.replace(/^.*src[\\/](.*?)\)?$/, '$1')).join(' < ')}`
}

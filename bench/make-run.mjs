/**
 * Makes a run of many checkpoints from one: `node bench/make-run.mjs OUT [COUNT]`. Big files are linked, so that 300 checkpoints take
 * the place of one; each has its own trainer_state.json with the step it was saved at and the log up to there.
 */
import { linkSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const GOLDEN = fileURLToPath(new URL('../test/golden/trainer-gpt2/data/checkpoint-30', import.meta.url))
const EVERY = 30

export function makeRun(out, count) {
  const state = JSON.parse(readFileSync(join(GOLDEN, 'trainer_state.json'), 'utf8'))
  mkdirSync(out)
  // The first file is a copy: links are made within one volume only.
  const source = join(out, `checkpoint-${EVERY}`)
  mkdirSync(source)
  for (const name of readdirSync(GOLDEN)) writeFileSync(join(source, name), readFileSync(join(GOLDEN, name)))
  const log = []
  for (let i = 1; i <= count; i++) {
    const step = i * EVERY
    log.push({ epoch: i / count, grad_norm: 1, learning_rate: 1e-3 * (1 - i / count), loss: 4 - Math.log(i) / 4, step })
    const folder = join(out, `checkpoint-${step}`)
    if (i > 1) {
      mkdirSync(folder)
      for (const name of readdirSync(source)) {
        if (name !== 'trainer_state.json') linkSync(join(source, name), join(folder, name))
      }
    }
    const told = { ...state, global_step: step, max_steps: count * EVERY, save_steps: EVERY, log_history: log }
    writeFileSync(join(folder, 'trainer_state.json'), JSON.stringify(told))
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [out, count = '300'] = process.argv.slice(2)
  if (!out) throw new Error('Name the folder to make')
  makeRun(out, Number(count))
}

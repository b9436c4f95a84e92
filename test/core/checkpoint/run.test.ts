import { describe, expect, it } from 'vitest'
import { isRun, openPath } from '../../../src/core/checkpoint/open'
import { checkpointsBelow } from '../../../src/core/checkpoint/run'
import { filesOf, makeFolder } from './folders'

const golden = (path: string) => new URL(`../../golden/trainer-gpt2/data/${path}`, import.meta.url).pathname
const under = (folder: string) =>
  Object.fromEntries(Object.entries(filesOf(golden(folder))).map(([name, from]) => [`${folder}/${name}`, from]))

describe('the folder of a finished Trainer run', () => {
  const last = { 'model.safetensors': { from: golden('checkpoint-30/model.safetensors') } }
  const folder = makeFolder('output', { ...last, ...under('checkpoint-20'), ...under('checkpoint-30') })

  it('opens as the weights that were saved last, and knows the checkpoints below', async () => {
    const opened = await openPath(folder)
    expect(isRun(opened)).toBe(false)
    if (!isRun(opened)) opened.close()
    expect(checkpointsBelow(folder)).toMatchObject([
      { name: 'checkpoint-20', step: 20 },
      { name: 'checkpoint-30', step: 30 },
    ])
  })

  it('has none below when the numbered folders hold no checkpoint', () => {
    expect(checkpointsBelow(makeFolder('output', { ...last, 'checkpoint-1/notes.txt': 'nothing' }))).toEqual([])
  })
})

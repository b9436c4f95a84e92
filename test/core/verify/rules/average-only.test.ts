import { expect, test } from 'vitest'
import type { Checkpoint } from '../../../../src/core/checkpoint/checkpoint'
import { PyDict, type PyValue } from '../../../../src/core/decode/pickle/value'
import { averageOnly } from '../../../../src/core/verify/rules/average-only'
import { checkpointOf, findingsOf } from '../handmade'

const weight = { tensors: { exp_avg: undefined as never }, scalars: {}, key: 0 }
const optimizer = { file: 'a.pt', groups: [], parameters: [weight] }

function dict(parts: Record<string, PyValue>): PyDict {
  const made = new PyDict()
  for (const [key, value] of Object.entries(parts)) made.entries.set(key, value)
  return made
}

async function told(file: string, parts: Record<string, PyValue> = {}, optimizers = [optimizer], name = 'fc.weight') {
  const made = checkpointOf({ tensors: [{ name, shape: [2, 2], file }], state: { optimizers } })
  const checkpoint: Checkpoint = { ...made, files: made.files.map((each) => ({ ...each, value: dict(parts) })) }
  return (await findingsOf(averageOnly, checkpoint)).map(({ message }) => message)
}

const part = () => dict({ 'fc.weight': 1 })

test('an average beside an optimizer is told, by its file or its key', async () => {
  expect(await told('ema.pt')).toEqual([expect.stringContaining('is here (ema.pt)')])
  expect(await told('a.pt', { ema: part(), optimizer: part() })).toEqual([expect.stringContaining('is here (ema)')])
  expect(await told('a.pt', { model: null, ema: part(), optimizer: part() })).toHaveLength(1)
})

test('an average beside the weights is not, nor one without an optimizer, nor what is under a name of its own', async () => {
  expect(await told('a.pt', { model: part(), ema: part() })).toEqual([])
  expect(await told('a.pt', { netG: part(), ema: part() }, [optimizer], 'netG.fc.weight')).toEqual([])
  expect(await told('ema.pt', {}, [])).toEqual([])
  expect(await told('ema.pt', { model: part(), ema: part() })).toEqual([])
  expect(await told('schema.pt')).toEqual([])
})

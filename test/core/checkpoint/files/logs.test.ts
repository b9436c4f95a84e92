import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { memorySource } from '../../../../src/core/bytes/source'
import { readMetricsCsv } from '../../../../src/core/checkpoint/files/metrics-csv'
import { joined } from '../../../../src/core/checkpoint/files/series'
import { readEventFile } from '../../../../src/core/checkpoint/files/tensorboard'
import { openCheckpoint } from '../../../../src/core/checkpoint/open'
import { crc32c } from '../../../../src/core/container/crc32c'
import { AssayError } from '../../../../src/core/errors'
import { history } from '../../../../src/core/history/history'
import { goldenPath, truthOf } from '../../../golden/cases'

type Logged = { val_loss: [number, number][]; accuracy: [number, number][] }
const truth = truthOf('tensorboard')
const logged = truth as unknown as Logged
const points = (pairs: readonly (readonly [number, number | string])[]) =>
  pairs.map(([step, value]) => ({ step, value }))
const events = readFileSync(goldenPath('tensorboard'))
const read = (bytes: Uint8Array) => readEventFile(memorySource('e', bytes), 'e')

const folders: string[] = []
function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'logs-'))
  folders.push(path)
  return path
}
afterEach(() => {
  for (const path of folders.splice(0)) rmSync(path, { recursive: true })
})

describe('CRC-32C', () => {
  it('has the check value of the polynomial', () => {
    expect(crc32c(new TextEncoder().encode('123456789'))).toBe(0xe3069283)
  })
})

describe('an event file of TensorBoard', () => {
  it('opened alone shows what was logged, of both versions of scalars, and lacks no weights', async () => {
    const checkpoint = await openCheckpoint(goldenPath('tensorboard'))
    const past = history(checkpoint)
    expect(past.loss).toEqual(points(truth.loss))
    expect(past.learningRate).toEqual(points(truth.lr))
    expect(past.evalLoss).toEqual(points(logged.val_loss))
    expect(past.metrics['eval/accuracy']).toEqual(points(logged.accuracy))
    expect(Object.keys(past.metrics)).toEqual(['eval/accuracy'])
    expect(checkpoint.components.find(({ id }) => id === 'weights')).toMatchObject({ status: 'not-applicable' })
    expect(checkpoint.layoutLabel).toBe('TensorBoard log')
    expect(checkpoint.findings).toEqual([])
    checkpoint.close()
  })

  it('beside a model is its history', async () => {
    const root = folder()
    copyFileSync(goldenPath('damaged-healthy-st'), join(root, 'model.safetensors'))
    copyFileSync(goldenPath('tensorboard'), join(root, 'events.out.tfevents.1.host.1.0'))
    const checkpoint = await openCheckpoint(root)
    expect(history(checkpoint).loss).toEqual(points(truth.loss))
    expect(checkpoint.components.find(({ id }) => id === 'weights')).toMatchObject({ status: 'present' })
    checkpoint.close()
  })

  it('in a folder with nothing else makes it a folder of logs', async () => {
    const checkpoint = await openCheckpoint(goldenPath('tensorboard', 'data'))
    expect(checkpoint.layoutLabel).toBe('Training logs')
    expect(checkpoint.components.find(({ id }) => id === 'weights')).toMatchObject({ status: 'not-applicable' })
    expect(history(checkpoint).loss).toHaveLength(truth.loss.length)
    checkpoint.close()
  })

  it('that is still written keeps its whole records', async () => {
    const { records, findings } = await read(events.subarray(0, events.length - 7))
    expect(records).toHaveLength(1)
    expect(findings).toMatchObject([{ rule: 'file/truncated', severity: 'info' }])
  })

  it('tells of a record that differs from its checksum, and keeps the others', async () => {
    const bytes = Uint8Array.from(events)
    bytes[bytes.length - 6] = (bytes[bytes.length - 6] as number) ^ 1
    const { records, findings } = await read(bytes)
    expect(records).toHaveLength(1)
    expect(findings).toMatchObject([{ rule: 'file/checksum', evidence: { offsets: [expect.any(Number)] } }])
  })

  it('that claims a record longer than itself is cut, and allocates nothing for it', async () => {
    const { findings } = await read(events.subarray(0, 30))
    expect(findings).toMatchObject([{ rule: 'file/truncated' }])
  })

  it('with bytes changed anywhere is read as far as it goes', async () => {
    const change = fc.record({ at: fc.nat(events.length - 1), value: fc.nat(255) })
    await fc.assert(
      fc.asyncProperty(
        fc.array(change, { minLength: 1, maxLength: 8 }),
        fc.nat(events.length),
        async (changes, cut) => {
          const bytes = Uint8Array.from(events.subarray(0, cut))
          for (const { at, value } of changes) if (at < cut) bytes[at] = value
          const { findings } = await read(bytes)
          for (const { rule } of findings) expect(rule).toMatch(/^file\/(truncated|checksum)$/)
        },
      ),
      { numRuns: 300 },
    )
  })
})

describe('event files of one folder', () => {
  const record = (steps: number[], values: number[]) => ({ series: { loss: { steps, values } } })

  it('are one log, where a later one takes up again before the end of an earlier one', () => {
    expect(joined([record([1, 2, 3, 4], [9, 8, 7, 6]), record([3, 4, 5], [5, 4, 3])])).toEqual(
      record([1, 2, 3, 4, 5], [9, 8, 5, 4, 3]),
    )
  })

  it('are read together', async () => {
    const root = folder()
    for (const i of [0, 1]) copyFileSync(goldenPath('tensorboard'), join(root, `events.out.tfevents.${i}.host.1.0`))
    const checkpoint = await openCheckpoint(root)
    expect(checkpoint.state.records).toHaveLength(1)
    expect(history(checkpoint).loss).toEqual(points(truth.loss))
    checkpoint.close()
  })
})

describe('a table of metrics', () => {
  const table = async (text: string) => {
    const root = folder()
    writeFileSync(join(root, 'metrics.csv'), text)
    const checkpoint = await openCheckpoint(join(root, 'metrics.csv'))
    const past = history(checkpoint)
    checkpoint.close()
    return past
  }

  it('of Lightning gives loss, evaluation and rate by step', async () => {
    const past = await table(
      'epoch,lr-Adam,step,train_loss,val_loss\r\n0,0.003,0,4.5,\r\n0,,1,,3.5\r\n0,0.002,1,nan,\r\n',
    )
    expect(past.loss).toEqual([
      { step: 0, value: 4.5 },
      { step: 1, value: Number.NaN },
    ])
    expect(past.evalLoss).toEqual([{ step: 1, value: 3.5 }])
    expect(past.learningRate).toEqual([
      { step: 0, value: 0.003 },
      { step: 1, value: 0.002 },
    ])
    expect(past.lossUnit).toBe('step')
  })

  it('of Lightning holds what its run logged', async () => {
    const checkpoint = await openCheckpoint(goldenPath('lightning', 'data/csv/version_0'))
    const past = history(checkpoint)
    expect(past.loss).toEqual(points(truthOf('lightning').loss))
    expect(past.learningRate).toEqual(points(truthOf('lightning').lr))
    checkpoint.close()
  })

  it('of Keras counts epochs', async () => {
    const past = await table('epoch,accuracy,loss,val_loss\n0,0.5,2.5,2.75\n1,0.75,1.5,2\n')
    expect(past.loss).toEqual([
      { step: 0, value: 2.5 },
      { step: 1, value: 1.5 },
    ])
    expect(past.metrics.accuracy).toEqual([
      { step: 0, value: 0.5 },
      { step: 1, value: 0.75 },
    ])
    expect(past.lossUnit).toBe('epoch')
  })

  it('takes the longest of several losses, and keeps the others as metrics', async () => {
    const past = await table('epoch,step,train_loss_epoch,train_loss_step\n0,1,,3\n0,2,,2\n0,2,2.5,\n')
    expect(past.loss).toEqual([
      { step: 1, value: 3 },
      { step: 2, value: 2 },
    ])
    expect(past.metrics.train_loss_epoch).toEqual([{ step: 2, value: 2.5 }])
  })

  it('with a column named __proto__ has a column of that name', async () => {
    const past = await table('step,__proto__\n1,2\n')
    expect(Object.keys(past.metrics)).toEqual(['__proto__'])
  })

  it('of any text is read or refused', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: fc.constantFrom(...'step,epoch\n\r0.5e9-"x') }), async (text) => {
        const bytes = new TextEncoder().encode(`step,loss\n${text}`)
        const result = await readMetricsCsv(memorySource('m.csv', bytes), 'm.csv').catch((error: unknown) => error)
        if (result instanceof Error) expect(result).toBeInstanceOf(AssayError)
      }),
    )
  })
})

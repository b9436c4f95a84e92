import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { openCheckpoint } from '../../src/core/checkpoint/open'
import { sha256Of } from '../../src/core/checkpoint/values'
import { exportWeights } from '../../src/core/repair/export'
import { golden, truthOf } from '../core/repair/cases'
import { python } from './python'

type Digests = Record<string, { dtype: string; shape: number[]; sha256: string }>

const folder = mkdtempSync(join(tmpdir(), 'assay-distributed-'))
afterAll(() => rmSync(folder, { recursive: true }))

const gathered = (path: string): Digests => JSON.parse(python('distributed.py', path))

function of(digests: Digests, prefix: string): Digests {
  const own = Object.entries(digests).filter(([name]) => name.startsWith(prefix))
  return Object.fromEntries(own.map(([name, each]) => [name.slice(prefix.length), each]))
}

describe('a checkpoint of torch.distributed.checkpoint', () => {
  it.each([
    ['dcp-fsdp2/data/step_6', ''],
    ['fsdp-accelerate/data/checkpoint_0', 'pytorch_model_fsdp_0'],
  ])('%s exports the weights that torch gathers', async (place, inside) => {
    const checkpoint = await openCheckpoint(golden(place))
    const out = join(folder, `${place.slice(0, 4)}.bin`)
    try {
      await exportWeights(checkpoint, out, { format: 'torch' })
    } finally {
      checkpoint.close()
    }
    expect(gathered(out)).toEqual(of(gathered(join(golden(place), inside)), 'model.'))
  })

  it('has the moments that torch gathers', async () => {
    const checkpoint = await openCheckpoint(golden('dcp-fsdp2/data/step_6'))
    try {
      const own = checkpoint.tensors.filter(({ component }) => component === 'optimizer')
      const digests = own.map(async (tensor) => {
        const { name, dtype, shape } = tensor
        return [name, { dtype, shape, sha256: await sha256Of(tensor) }] as const
      })
      const theirs = of(gathered(golden('dcp-fsdp2/data/step_6')), 'optimizer.')
      expect(of(Object.fromEntries(await Promise.all(digests)) as Digests, 'optimizer.')).toEqual(theirs)
    } finally {
      checkpoint.close()
    }
  })
})

describe('files that ranks of FSDP saved each for itself', () => {
  it.each(['ranks-fsdp2', 'ranks-fsdp2-hybrid', 'ranks-fsdp2-tensor', 'ranks-fsdp1-sharded', 'ranks-fsdp1-local'])(
    '%s export the weights that torch gathered before they were saved',
    async (name) => {
      const checkpoint = await openCheckpoint(golden(`${name}/data`))
      const out = join(folder, `${name}.bin`)
      try {
        await exportWeights(checkpoint, out, { format: 'torch' })
      } finally {
        checkpoint.close()
      }
      const truth = truthOf(name).tensors.map(({ name, dtype, shape, sha256 }) => [name, { dtype, shape, sha256 }])
      expect(gathered(out)).toEqual(Object.fromEntries(truth))
    },
  )
})

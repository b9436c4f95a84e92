import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { referenceKernel } from '../../../src/core/analysis/reference'
import type { Checkpoint } from '../../../src/core/checkpoint/checkpoint'
import { Draft } from '../../../src/core/checkpoint/draft'
import { openRankFiles } from '../../../src/core/checkpoint/layouts/rank-files'
import { listingOfFolder } from '../../../src/core/checkpoint/listing'
import { isWhole, numel, type Tensor } from '../../../src/core/checkpoint/tensor'
import { sha256Of } from '../../../src/core/checkpoint/values'
import { verify } from '../../../src/core/verify/verify'
import { copyOf, opened, placeOf, truthOf } from './cases'

/** A copy of the case without the files of some ranks. */
function without(name: string, ...files: string[]): string {
  const folder = copyOf(name)
  for (const file of files) rmSync(join(folder, file))
  return folder
}

const weightsOf = ({ tensors }: Checkpoint) => tensors.filter(({ component }) => component === 'weights')

async function digest({ name, dtype, shape }: Tensor, tensor: Tensor) {
  return { name, dtype, shape: [...shape], sha256: await sha256Of(tensor) }
}

const SAVED = ['ranks-fsdp2', 'ranks-fsdp2-hybrid', 'ranks-fsdp2-tensor', 'ranks-fsdp1-sharded']

describe('files that ranks saved each for itself', () => {
  it.each(SAVED)('%s are put together bit for bit', async (name) => {
    const checkpoint = await opened(placeOf(name))
    const found = await Promise.all(weightsOf(checkpoint).map((tensor) => digest(tensor, tensor)))
    const truth = truthOf(name).tensors.map(({ name, dtype, shape, sha256 }) => ({ name, dtype, shape, sha256 }))
    expect(found).toEqual(truth)
    expect(checkpoint.state.worldSize).toBe(truthOf(name).expect.world_size)
    const { findings, verdict } = await verify(checkpoint, { kernel: referenceKernel, deep: true })
    expect(findings.filter(({ severity }) => severity === 'error')).toEqual([])
    expect(verdict).toBe('partial')
  })

  it.skipIf(process.platform === 'win32')(
    'are closed when an error that is none of theirs breaks off the opening',
    async () => {
      const listing = listingOfFolder(placeOf('ranks-fsdp2'))
      const draft = new Draft(listing, '')
      draft.add = () => Promise.reject(new TypeError('a mistake'))
      const before = readdirSync('/dev/fd').length
      const paths = ['model_rank0.pt', 'model_rank1.pt', 'model_rank2.pt']
      await expect(openRankFiles(draft, paths, 'weights')).rejects.toThrow('a mistake')
      draft.close()
      expect(readdirSync('/dev/fd')).toHaveLength(before)
    },
  )

  it('stay the pieces they are where a strided placement does not go with the parts behind it', async () => {
    const path = copyOf('ranks-fsdp2-tensor')
    for (const name of readdirSync(path).filter((each) => each.endsWith('.pt'))) {
      const bytes = readFileSync(join(path, name))
      // BINUNICODE, memo, BININT1: the only such text of the pickle, which others refer to.
      const at = bytes.indexOf('split_factor') + 'split_factor'.length
      expect(bytes.subarray(at).indexOf(Buffer.from('K\x02'))).toBeLessThan(4)
      bytes[bytes.indexOf('K\x02', at) + 1] = 3
      writeFileSync(join(path, name), bytes)
    }
    const torn = weightsOf(await opened(path)).filter(({ whole }) => whole !== undefined)
    expect(torn.length).toBeGreaterThan(0)
    for (const { whole } of torn) expect(whole?.start).toBeUndefined()
  })

  it('have the moments of every parameter, put together as well', async () => {
    const { state } = await opened(placeOf('ranks-fsdp2'))
    const parameters = state.optimizers.flatMap((optimizer) => optimizer.parameters)
    const moments = new Map<string, Tensor>(
      parameters.flatMap(({ key, tensors }) =>
        Object.entries(tensors).map(([slot, tensor]) => [`${key}.${slot}`, tensor] as const),
      ),
    )
    const truth = truthOf('ranks-fsdp2') as unknown as { optimizer_tensors: { name: string; sha256: string }[] }
    expect(truth.optimizer_tensors.length).toBeGreaterThan(40)
    for (const { name, sha256 } of truth.optimizer_tensors) {
      const tensor = moments.get(name)
      expect(tensor && (await sha256Of(tensor)), name).toBe(sha256)
    }
    expect(state.step).toBe(3)
  })

  it.each<[string, string]>([
    ['ranks-fsdp2', 'model_rank1.pt'],
    ['ranks-fsdp2', 'model_rank2.pt'],
    ['ranks-fsdp1-sharded', 'pytorch_model_fsdp_0_rank1.bin'],
  ])('of %s lack values where %s is not here, and it is named', async (name, file) => {
    const checkpoint = await opened(without(name, file))
    const { findings, verdict } = await verify(checkpoint, { kernel: referenceKernel })
    expect(verdict).toBe('broken')
    const told = findings
      .filter(({ severity }) => severity === 'error')
      .map(({ rule, subject }) => `${rule} ${subject}`)
    expect(told).toEqual([`weights/missing-shard ${file}`])
    expect(weightsOf(checkpoint).some((tensor) => !isWhole(tensor))).toBe(true)
  })

  it('are not put together where they are of two saves', async () => {
    const folder = without('ranks-fsdp2')
    const path = join(folder, 'model_rank1.pt')
    const bytes = readFileSync(path)
    // The last of the dict: BININT1 3, SETITEMS, STOP.
    const count = bytes.indexOf(Buffer.from('K\x03u.', 'latin1'))
    expect(count).toBeGreaterThan(0)
    bytes[count + 1] = 5
    writeFileSync(path, bytes)
    const checkpoint = await opened(folder)
    const { findings, verdict } = await verify(checkpoint, { kernel: referenceKernel })
    expect(verdict).toBe('broken')
    expect(findings.map(({ rule, subject }) => `${rule} ${subject}`)).toContain('trainer/step-mismatch model_rank1.pt')
    expect(weightsOf(checkpoint).every((tensor) => tensor.whole || tensor.shape.length === 1)).toBe(true)
  })

  it('need one of the groups that replicate each other', async () => {
    const checkpoint = await opened(without('ranks-fsdp2-hybrid', 'model_rank0.pt', 'model_rank3.pt'))
    const found = await Promise.all(weightsOf(checkpoint).map((tensor) => digest(tensor, tensor)))
    expect(found.map(({ sha256 }) => sha256)).toEqual(truthOf('ranks-fsdp2-hybrid').tensors.map(({ sha256 }) => sha256))
    const { findings } = await verify(checkpoint, { kernel: referenceKernel })
    expect(findings.filter(({ severity }) => severity === 'error')).toEqual([])
  })

  it.each([
    ['ranks-fsdp2', 'model_rank2.pt'],
    ['ranks-fsdp1-sharded', 'pytorch_model_fsdp_0_rank1.bin'],
  ])('of %s are pieces where %s is opened alone', async (name, file) => {
    const checkpoint = await opened(placeOf(name, `data/${file}`))
    const { findings, verdict } = await verify(checkpoint, { kernel: referenceKernel })
    expect(verdict).toBe('broken')
    const errors = findings.filter(({ severity }) => severity === 'error')
    expect(new Set(errors.map(({ rule }) => rule))).toEqual(new Set(['weights/rank-shard']))
    expect(weightsOf(checkpoint).map((each) => each.name)).toEqual(truthOf(name).tensors.map((each) => each.name))
  })

  it.each(['ranks-fsdp1-sharded', 'ranks-fsdp1-local'])('%s are the weights of an Accelerate folder', async (name) => {
    const folder = without('fsdp-accelerate')
    for (const part of ['pytorch_model_fsdp_0', 'optimizer_0']) rmSync(join(folder, part), { recursive: true })
    cpSync(placeOf(name), folder, { recursive: true })
    const checkpoint = await opened(folder)
    expect(checkpoint.layout).toBe('accelerate')
    const files = readdirSync(placeOf(name)).filter((file) => file.endsWith('.bin'))
    expect(checkpoint.components.find(({ id }) => id === 'weights')).toMatchObject({ status: 'present', files })
    const size = (tensors: readonly { shape: readonly number[] }[]) =>
      tensors.reduce((sum, { shape }) => sum + numel(shape), 0)
    expect(size(weightsOf(checkpoint))).toBe(size(truthOf(name).tensors))
    expect(weightsOf(checkpoint).every(isWhole)).toBe(true)
  })
})

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { referenceKernel } from '../../src/core/analysis/reference'
import { openCheckpoint } from '../../src/core/checkpoint/open'
import { applyRepair } from '../../src/core/repair/apply'
import { exportWeights } from '../../src/core/repair/export'
import { byName, golden, planned, type TruthTensor, truthOf } from '../core/repair/cases'
import { python } from './python'

const folder = mkdtempSync(join(tmpdir(), 'assay-repair-'))
const place = (name: string) => join(folder, name)
beforeAll(() => void python('repair.py', 'make', folder))
afterAll(() => rmSync(folder, { recursive: true }))

async function repaired(path: string, name: string, options: Parameters<typeof planned>[1] = {}): Promise<string> {
  const { checkpoint, plan } = await planned(path, options)
  const refused = plan.plan.filter(({ kind }) => kind === 'plain').map(({ step }) => step)
  await applyRepair(checkpoint, plan, { kernel: referenceKernel, out: place(name), refused })
  return place(name)
}

/** The tensors as PyTorch or safetensors loads them. */
function load(...paths: string[]): TruthTensor[][] {
  const found: Record<string, Omit<TruthTensor, 'name'>>[] = JSON.parse(python('repair.py', 'load', ...paths))
  return found.map((state) => byName(Object.entries(state).map(([name, facts]) => ({ name, ...facts }))))
}

describe('a repaired checkpoint', () => {
  it('of flattened and of lost tensors loads with the shapes and values of the truth, in either format', async () => {
    const paths: string[] = []
    for (const name of ['flattened', 'zero-size']) {
      const reference = golden(`${name}/data/reference`)
      const out = await repaired(golden(`${name}/data/checkpoint`), name, { reference })
      const checkpoint = await openCheckpoint(out)
      await exportWeights(checkpoint, place(`${name}.bin`), { format: 'torch' })
      checkpoint.close()
      paths.push(join(out, 'model.safetensors'), place(`${name}.bin`))
    }
    const [flattened, filled] = ['flattened', 'zero-size'].map((name) => byName(truthOf(name).repaired))
    expect(load(...paths)).toEqual([flattened, flattened, filled, filled])
  })

  it('of a compiled model loads as weights only, under clean names', async () => {
    const names = ['torch-zoo-compiled', 'torch-zoo-compiled-ddp']
    const paths: string[] = []
    for (const name of names) paths.push(await repaired(golden(`${name}/data/model.pt`), `${name}.pt`))
    const clean = (name: string) => name.replace(/^(module\.)?_orig_mod\./, '')
    const truth = names.map((each) =>
      byName(truthOf(each).tensors.map((tensor) => ({ ...tensor, name: clean(tensor.name) }))),
    )
    expect(load(...paths)).toEqual(truth)
  })

  it('that is a training dict keeps everything but the names and the shape that were wrong', async () => {
    const pairs: string[] = []
    for (const name of ['training.pt', 'protocol4.pt']) {
      pairs.push(await repaired(place(name), `mended-${name}`), place(name))
    }
    expect(JSON.parse(python('repair.py', 'check', ...pairs))).toEqual([[], []])
  })
})

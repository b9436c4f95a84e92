import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { referenceKernel } from '../../../src/core/analysis/reference'
import { applyRepair } from '../../../src/core/repair/apply'
import { Neighbours } from '../../../src/core/repair/neighbours'
import { planRepair } from '../../../src/core/repair/plan'
import { verify } from '../../../src/core/verify/verify'
import { digests, golden, opened, planned, scratch, snapshot } from './cases'

const kernel = referenceKernel

/** A copy of a run, one of its checkpoints without some files. */
function lacking(run: string, checkpoint: string, ...files: string[]): string {
  const folder = scratch()
  cpSync(golden(`${run}/data`), folder, { recursive: true })
  for (const file of files) rmSync(join(folder, checkpoint, file))
  return join(folder, checkpoint)
}

function edit(path: string, change: (json: Record<string, unknown>) => void): void {
  const json = JSON.parse(readFileSync(path, 'utf8'))
  change(json)
  writeFileSync(path, JSON.stringify(json, null, 2))
}

async function mended(path: string, options: Parameters<typeof planned>[1] = {}) {
  const { checkpoint, plan } = await planned(path, options)
  const out = join(scratch(), 'mended')
  const result = await applyRepair(checkpoint, plan, { kernel, out })
  return { plan, result, out }
}

describe('files that do not change in a training', () => {
  const GONE = ['config.json', 'generation_config.json', 'tokenizer.json']

  it('are copied byte for byte from the other saves of the run, where these have the same', async () => {
    const path = lacking('trainer-gpt2', 'checkpoint-20', ...GONE)
    const before = snapshot(path)
    const { plan, result, out } = await mended(path)
    expect(plan.plan.map(({ kind, subject, confidence }) => `${kind} ${subject} ${confidence}`)).toEqual(
      GONE.map((file) => `copy-file ${file} certain`),
    )
    expect(plan.plan[0]?.evidence).toMatch(
      /checkpoint-30 and checkpoint-10.*byte for byte; the shapes of all 28 weights/,
    )
    expect(plan.unmended).toEqual([])
    expect(result).toMatchObject({ verdictBefore: 'partial', verdictAfter: 'complete' })
    const after = snapshot(out)
    const record = JSON.parse(Buffer.from(after.get('assay-repair.json') ?? '', 'base64').toString())
    expect(record.steps.map(({ evidence }: { evidence: string }) => evidence)).toEqual(
      plan.plan.map(({ evidence }) => evidence),
    )
    after.delete('assay-repair.json')
    expect(after).toEqual(snapshot(golden('trainer-gpt2/data/checkpoint-20')))
    expect(snapshot(path)).toEqual(before)
  })

  it('are copied over one that is damaged, and one other save is enough to be likely', async () => {
    const path = lacking('trainer-gpt2', 'checkpoint-20')
    rmSync(join(path, '..', 'checkpoint-10'), { recursive: true })
    writeFileSync(join(path, 'config.json'), '{"model_type": "gp')
    const { plan, out } = await mended(path)
    expect(plan.plan).toMatchObject([{ kind: 'copy-file', subject: 'config.json', confidence: 'likely' }])
    const [a, b] = [out, golden('trainer-gpt2/data/checkpoint-20')].map((at) => readFileSync(join(at, 'config.json')))
    expect(a).toEqual(b)
  })

  it.skipIf(process.platform === 'win32')(
    'are not taken from beside a save that the training has removed since the run was opened',
    async () => {
      const path = lacking('trainer-gpt2', 'checkpoint-20', 'config.json')
      const checkpoint = await opened(path)
      const neighbours = new Neighbours(checkpoint)
      onTestFinished(() => neighbours.close())
      await neighbours.list()
      cpSync(join(path, '..', 'checkpoint-30', 'config.json'), join(path, '..', 'config.json'))
      rmSync(join(path, '..', 'checkpoint-10'), { recursive: true })
      const plan = await planRepair(checkpoint, await verify(checkpoint, { kernel, deep: false }), { neighbours })
      expect(plan.plan).toMatchObject([
        {
          subject: 'config.json',
          confidence: 'likely',
          evidence: expect.stringMatching(/^checkpoint-30, of the same run/),
        },
      ])
    },
  )

  it('are asked about where the other saves differ, and copied from the one that is chosen', async () => {
    const path = lacking('trainer-gpt2', 'checkpoint-20', 'config.json')
    const other = join(path, '..', 'checkpoint-10', 'config.json')
    edit(other, (json) => {
      json.use_cache = false
    })
    const asking = await planned(path)
    expect(asking.plan.plan).toMatchObject([{ confidence: 'ask', evidence: expect.stringContaining('differ') }])
    expect(asking.plan.plan[0]?.choices?.map(({ id }) => id)).toEqual(['checkpoint-30', 'checkpoint-10'])
    expect(asking.plan.unmended.map(({ rule }) => rule)).toEqual(['config/missing'])
    const { out } = await mended(path, { decisions: [{ step: 1, choice: 'checkpoint-10' }] })
    expect(readFileSync(join(out, 'config.json'))).toEqual(readFileSync(other))
  })

  it('are asked about where they contradict the weights', async () => {
    const path = lacking('trainer-gpt2', 'checkpoint-20', 'config.json')
    for (const name of ['checkpoint-10', 'checkpoint-30'])
      edit(join(path, '..', name, 'config.json'), (json) => {
        json.n_embd = 96
      })
    const { plan } = await planned(path)
    expect(plan.plan).toMatchObject([
      { confidence: 'ask', evidence: expect.stringMatching(/But it describes another model than these weights/) },
    ])
  })

  it('are not copied where nothing asks for them and another save has none either', async () => {
    const path = lacking('trainer-gpt2', 'checkpoint-20', 'generation_config.json')
    rmSync(join(path, '..', 'checkpoint-10', 'generation_config.json'))
    expect((await planned(path)).plan.plan).toEqual([])
  })

  it('are not copied from the saves of another model', async () => {
    const path = lacking('trainer-gpt2', 'checkpoint-20', 'config.json')
    for (const name of ['checkpoint-10', 'checkpoint-30']) {
      rmSync(join(path, '..', name), { recursive: true })
      cpSync(golden('trainer-lora/data/checkpoint-5'), join(path, '..', name), { recursive: true })
      writeFileSync(join(path, '..', name, 'config.json'), '{"model_type": "llama"}')
    }
    expect((await planned(path)).plan.plan).toEqual([])
  })

  it('are copied from a reference that is not of the run', async () => {
    const path = lacking('trainer-gpt2', 'checkpoint-20', 'config.json')
    for (const name of ['checkpoint-10', 'checkpoint-30']) rmSync(join(path, '..', name), { recursive: true })
    const { plan, result } = await mended(path, { reference: golden('trainer-gpt2/data/checkpoint-30') })
    expect(plan.plan).toMatchObject([
      { kind: 'copy-file', confidence: 'likely', evidence: expect.stringContaining('the reference') },
    ])
    expect(result.verdictAfter).toBe('complete')
  })
})

describe('an adapter', () => {
  it('gets its config from another save of the run, whose rank is that of the factors', async () => {
    const path = lacking('trainer-lora', 'checkpoint-10', 'adapter_config.json')
    const { plan, result, out } = await mended(path)
    expect(plan.plan).toMatchObject([
      {
        kind: 'copy-file',
        subject: 'adapter_config.json',
        evidence: expect.stringMatching(/its rank of \d+ is that of all/),
      },
    ])
    expect(result.verdictAfter).toBe('complete')
    const truth = readFileSync(golden('trainer-lora/data/checkpoint-10/adapter_config.json'))
    expect(readFileSync(join(out, 'adapter_config.json'))).toEqual(truth)
  })

  it('is asked about where the rank in the config is not that of the factors', async () => {
    const path = lacking('trainer-lora', 'checkpoint-10', 'adapter_config.json')
    edit(join(path, '..', 'checkpoint-5', 'adapter_config.json'), (json) => {
      json.r = 64
    })
    const { plan } = await planned(path)
    expect(plan.plan).toMatchObject([{ confidence: 'ask', evidence: expect.stringContaining('But its rank is 64') }])
  })

  it('does not get the config of its base model', async () => {
    const path = lacking('trainer-lora', 'checkpoint-10', 'adapter_config.json')
    rmSync(join(path, '..', 'checkpoint-5'), { recursive: true })
    expect((await planned(path)).plan.plan).toEqual([])
  })

  it('whose weights are lost is taken from the save before, and never called exact', async () => {
    const path = lacking('trainer-lora', 'checkpoint-10', 'adapter_model.safetensors')
    const { plan, result, out } = await mended(path)
    expect(plan.plan).toMatchObject([
      {
        kind: 'restore-values',
        subject: 'adapter_model.safetensors',
        confidence: 'likely',
        borrowed: 'checkpoint-5',
        evidence: expect.stringContaining('5 of its 10 steps of training are lost'),
      },
    ])
    expect(result.verdictAfter).toBe('partial')
    const [made, from] = [await opened(out), await opened(golden('trainer-lora/data/checkpoint-5'))]
    const adapter = ({ tensors }: typeof made) => tensors.filter(({ component }) => component === 'adapter')
    expect(await digests({ tensors: adapter(made) })).toEqual(await digests({ tensors: adapter(from) }))
    const { findings, resume } = await verify(made, { kernel })
    expect(findings.map(({ rule }) => rule)).toEqual(['weights/borrowed'])
    expect(resume.level).toBe('stable')
  })

  it('whose weights are lost is not taken from the saves of another optimizer', async () => {
    const path = lacking('trainer-lora', 'checkpoint-10', 'adapter_model.safetensors')
    cpSync(golden('trainer-gpt2/data/checkpoint-10/optimizer.pt'), join(path, 'optimizer.pt'))
    const { plan } = await planned(path)
    expect(plan.plan.map(({ kind }) => kind)).not.toContain('restore-values')
  })
})

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { referenceKernel } from '../../../src/core/analysis/reference'
import { plainOf } from '../../../src/core/decode/pickle/plain-of'
import { mappingOf, PyDict, PyFloat, PyGlobal, PyList, PyObject, PyTuple } from '../../../src/core/decode/pickle/value'
import { applyRepair } from '../../../src/core/repair/apply'
import { plainValue } from '../../../src/core/repair/plain/plain-value'
import { digests, golden, opened, planned, scratch } from './cases'

/** The checkpoint at `path`, repaired, and the plan that it was repaired by. */
async function repaired(path: string, options: Parameters<typeof planned>[1] = {}) {
  const { checkpoint, plan } = await planned(path, options)
  const out = join(scratch(), 'plain.pt')
  const result = await applyRepair(checkpoint, plan, { kernel: referenceKernel, out })
  return { checkpoint, plan, result, made: await opened(out) }
}

const refusals = ({ findings }: { findings: readonly { rule: string }[] }) =>
  findings.map(({ rule }) => rule).filter((rule) => rule.startsWith('pickle/'))

describe('a file that the default loader refuses', () => {
  it.each([
    ['dictconfig/data/checkpoint.pt', 'config'],
    ['dictconfig-namespace/data/checkpoint.pt', 'config'],
  ])('is written with plain values for objects: %s', async (path, key) => {
    const { checkpoint, plan, result, made } = await repaired(golden(path))
    expect(plan.plan).toMatchObject([{ kind: 'plain', confidence: 'likely' }])
    expect(plan.plan[0]?.lost).toBeUndefined()
    expect(result).toMatchObject({ applied: true, verdictBefore: 'complete', verdictAfter: 'complete' })
    expect(refusals(checkpoint)).toEqual(['pickle/not-weights-only'])
    expect(refusals(made)).toEqual([])

    const values = await digests(made)
    expect(values).toEqual(expect.arrayContaining(await digests(checkpoint)))
    expect(made.state.counters.map(({ value }) => value)).toEqual(checkpoint.state.counters.map(({ value }) => value))
    expect(made.state.schedulers.map(({ value }) => value)).toEqual(
      checkpoint.state.schedulers.map(({ value }) => value),
    )
    const config = mappingOf(mappingOf(made.files[0]?.value)?.get(key))
    expect(plainOf(config?.get('optim') ?? null)).toMatchObject({ lr: 0.0006, betas: [0.9, 0.95] })
  })

  it('because of its pickle protocol is written with protocol 2 and loses nothing', async () => {
    const { checkpoint, plan, made } = await repaired(golden('torch-zoo-protocol5/data/model.pt'))
    expect(plan.plan[0]).toMatchObject({ kind: 'plain', confidence: 'likely' })
    expect(await digests(made)).toEqual(await digests(checkpoint))
    expect(refusals(made)).toEqual([])
  })

  it('because it is a whole module is written as the state dict of the module', async () => {
    const { checkpoint, made } = await repaired(golden('torch-zoo-module/data/model.pt'), { plain: true })
    expect(await digests(made)).toEqual(await digests(checkpoint))
    expect(made.files[0]?.globals.map(({ module }) => module)).not.toContain('__main__')
  })
})

describe('a file that would run code', () => {
  it.each(['hostile-torch-zip', 'hostile-torch-zip-value', 'hostile-torch-zip-second-record'])(
    'is written without it, and what is left out is listed: %s',
    async (name) => {
      const { plan, result, made, checkpoint } = await repaired(golden(`${name}/data/pytorch_model.bin`))
      expect(plan.plan[0]?.lost?.length).toBeGreaterThan(0)
      expect(result.applied).toBe(true)
      expect(refusals(made)).toEqual([])
      expect(await digests(made)).toEqual(await digests(checkpoint))
      expect(existsSync('/tmp/pwned')).toBe(false)
    },
  )

  it('is left alone where the user refuses that step', async () => {
    const { checkpoint, plan } = await planned(golden('hostile-torch-zip/data/pytorch_model.bin'))
    const out = join(scratch(), 'plain.pt')
    const result = await applyRepair(checkpoint, plan, { kernel: referenceKernel, out, refused: [1] })
    expect(result.applied).toBe(false)
    expect(existsSync(out)).toBe(false)
  })
})

describe('asked for plain files', () => {
  it.each([
    'torch-zoo-legacy/data/model.pt',
    'torch-zoo-dtypes-legacy/data/model.pt',
    'torch-zoo-tar/data/model.pt',
    'torch-zoo-plain-pickle/data/model.pkl',
    'torch-zoo-numpy-pickle5/data/model.pkl',
    'torch-zoo-torchscript/data/model.pt',
  ])('writes %s as a zip with the same values', async (path) => {
    const { checkpoint, made } = await repaired(golden(path), { plain: true })
    expect(made.files[0]?.kind).toBe('torch-zip')
    expect(await digests(made)).toEqual(await digests(checkpoint))
    expect(refusals(made)).toEqual([])
  })

  it("says why a file that keeps one process's pieces is not written plain", async () => {
    expect((await planned(golden('ranks-fsdp2/data'))).plan.plan).toEqual([])
    const { plan } = await planned(golden('ranks-fsdp2/data'), { plain: true })
    expect(plan.plan.map(({ kind, confidence }) => [kind, confidence])).toEqual(Array(3).fill(['plain', 'refused']))
    expect(plan.plan[0]?.evidence).toContain("one process's pieces of its tensors")
  })

  it('offers nothing for a file that is plain already', async () => {
    const { plan } = await planned(golden('torch-zoo-metadata/data/model.pt'), { plain: true })
    expect(plan.plan).toEqual([])
  })

  it('refuses a stream of several objects, of which a zip would hold one', async () => {
    const { plan } = await planned(golden('torch-zoo-stream/data/model.pt'), { plain: true })
    expect(plan.plan).toMatchObject([{ kind: 'plain', confidence: 'refused' }])
  })
})

describe('a plain value', () => {
  const call = (module: string, name: string, ...args: Parameters<typeof list>) =>
    new PyObject(new PyGlobal(module, name), new PyTuple(args), 'reduce')
  const list = (...items: ConstructorParameters<typeof PyTuple>[0][number][]) => new PyList(items)
  const dict = (entries: Record<string, ConstructorParameters<typeof PyTuple>[0][number]>) => {
    const made = new PyDict()
    for (const [key, value] of Object.entries(entries)) made.entries.set(key, value)
    return made
  }

  it('keeps floats apart from ints, and what is shared shared', () => {
    const shared = list(1, new PyFloat(1))
    const { value } = plainValue(dict({ a: shared, b: shared }))
    const [a, b] = [mappingOf(value)?.get('a'), mappingOf(value)?.get('b')]
    expect(a).toBe(b)
    expect((a as PyList).items).toEqual([1, new PyFloat(1)])
  })

  it('follows a cycle once', () => {
    const cycle = list()
    cycle.items.push(cycle)
    const { value } = plainValue(dict({ cycle }))
    const made = mappingOf(value)?.get('cycle') as PyList
    expect(made.items[0]).toBe(made)
  })

  it('is an enumeration’s value, a named tuple’s items, a path’s text and a dataclass’s fields', () => {
    const point = new PyObject(new PyGlobal('lib', 'Point'), new PyTuple([1, 2]), 'newobj')
    const options = new PyObject(new PyGlobal('lib', 'Options'), new PyTuple([]), 'newobj')
    options.state = dict({ lr: new PyFloat(0.1) })
    const path = call('pathlib', 'PosixPath', '/', 'data', 'a')
    const { value, notes } = plainValue(dict({ mode: call('lib', 'Mode', 'fast'), point, options, path }))
    expect(plainOf(value)).toEqual({ mode: 'fast', point: [1, 2], options: { lr: 0.1 }, path: '/data/a' })
    expect(notes.lost).toEqual([])
    expect(notes.kept).toContain('lib.Mode → text')
  })

  it('leaves out what some function would give, and says where it was', () => {
    const { value, notes } = plainValue(dict({ a: 1, hooks: list(call('lib', 'make_hook', 1), 2) }))
    expect(plainOf(value)).toEqual({ a: 1, hooks: [null, 2] })
    expect(notes.lost).toEqual([expect.stringMatching(/^hooks\.0: an object of lib\.make_hook/)])
  })

  it('leaves out calls that run code, also behind another call', () => {
    const system = call('os', 'system', 'true')
    const behind = new PyObject(system, new PyTuple([]), 'reduce')
    const { value, notes } = plainValue(dict({ a: 1, system, behind }))
    expect(plainOf(value)).toEqual({ a: 1 })
    expect(notes.removed.join()).toMatch(/os\.system \(at system\)/)
  })

  it('is refused where nothing would be left, and where values lie in one another beyond measure', () => {
    expect(() => plainValue(call('os', 'system', 'true'))).toThrow(/nothing would be left/)
    let deep = list()
    for (let i = 0; i < 5000; i++) deep = list(deep)
    expect(() => plainValue(deep)).toThrow(/deep/)
  })
})

import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { memorySource } from '../../../../src/core/bytes/source'
import { readNpyFile } from '../../../../src/core/checkpoint/files/npy'
import { readZipFile } from '../../../../src/core/checkpoint/files/zip'
import { openCheckpoint } from '../../../../src/core/checkpoint/open'
import { readAll, sha256Of } from '../../../../src/core/checkpoint/values'
import { AssayError } from '../../../../src/core/errors'
import { goldenPath, type TrueTensor, truthOf } from '../../../golden/cases'

const arrays = Object.entries((truthOf('numpy-arrays') as unknown as { files: Record<string, TrueTensor> }).files)

describe('a .npy file', () => {
  it.each(arrays)('%s has the values that numpy saved, whatever their order', async (file, truth) => {
    const checkpoint = await openCheckpoint(goldenPath('numpy-arrays', `data/${file}`))
    const { name, dtype, shape, sha256 } = truth
    expect(checkpoint.tensors).toMatchObject([{ name, dtype, shape }])
    for (const tensor of checkpoint.tensors) expect(await sha256Of(tensor)).toBe(sha256)
    expect(checkpoint.findings).toEqual([])
    checkpoint.close()
  })

  it.each([
    ['objects.npy', 'warning', /Python objects, stored as a pickle/],
    ['records.npy', 'info', /records of x <f4, y <i8/],
    ['texts.npy', 'info', /texts, which are no numbers/],
  ])('%s without numbers is named, not decoded', async (file, severity, message) => {
    const checkpoint = await openCheckpoint(goldenPath('numpy-objects', `data/${file}`))
    expect(checkpoint.tensors).toEqual([])
    expect(checkpoint.findings).toMatchObject([
      { rule: 'file/unknown-format', severity, message: expect.stringMatching(message) },
    ])
    checkpoint.close()
  })

  it('of objects tells what unpickling would import', async () => {
    const pickle = 'cos\nsystem\n(S"true"\ntR.'
    const header = "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }"
    const bytes = Buffer.concat([
      Buffer.from([0x93, ...Buffer.from('NUMPY'), 1, 0, header.length, 0]),
      Buffer.from(header + pickle),
    ])
    const { globals, findings } = await readNpyFile(memorySource('o.npy', bytes), 'o.npy', 'weights')
    expect(globals).toMatchObject([{ module: 'os', name: 'system', verdict: 'dangerous' }])
    expect(findings.map(({ rule }) => rule)).toContain('pickle/dangerous')
  })

  it('that was cut says how much is there', async () => {
    const bytes = readFileSync(goldenPath('numpy-arrays', 'data/0.npy')).subarray(0, 150)
    const { findings } = await readNpyFile(memorySource('0.npy', bytes), '0.npy', 'weights')
    expect(findings).toMatchObject([{ rule: 'file/truncated', evidence: { expected: 48, there: 22 } }])
  })
})

describe('a .npz archive', () => {
  it.each(['numpy-npz-stored', 'numpy-npz-compressed'])('%s has the arrays that numpy saved', async (name) => {
    const checkpoint = await openCheckpoint(goldenPath(name))
    expect(checkpoint.files).toMatchObject([{ kind: 'npz', findings: [] }])
    for (const { name: tensorName, dtype, shape, sha256 } of truthOf(name).tensors) {
      const tensor = checkpoint.tensors.find((each) => each.name === tensorName)
      expect(tensor).toMatchObject({ dtype, shape })
      if (tensor) expect([tensorName, await sha256Of(tensor)]).toEqual([tensorName, sha256])
    }
    checkpoint.close()
  })

  it('that also holds texts and objects lists its arrays of numbers and names the others', async () => {
    const checkpoint = await openCheckpoint(goldenPath('numpy-objects', 'data/mixed.npz'))
    expect(checkpoint.tensors).toMatchObject([{ name: 'w', shape: [2, 2] }])
    expect(checkpoint.findings.map(({ evidence }) => evidence?.name)).toEqual(['names', 'objects'])
    checkpoint.close()
  })

  it('that was cut keeps the arrays that are whole', async () => {
    const whole = readFileSync(goldenPath('numpy-npz-stored'))
    const source = memorySource('w.npz', whole.subarray(0, whole.length - 300))
    const { kind, tensors, findings } = await readZipFile(source, 'w.npz', 'weights')
    expect(kind).toBe('npz')
    expect(findings.map(({ rule }) => rule)).toContain('file/truncated')
    const [first] = tensors
    if (first) expect((await readAll(first, 1 << 20)).length).toBe(288)
    expect(first?.name).toBe('conv/kernel')
  })

  it('with bytes changed anywhere opens or fails with a code', async () => {
    const golden = readFileSync(goldenPath('numpy-npz-compressed'))
    const change = fc.record({ at: fc.nat(golden.length - 1), value: fc.nat(255) })
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 8 }), async (changes) => {
        const bytes = Uint8Array.from(golden)
        for (const { at, value } of changes) bytes[at] = value
        try {
          const { tensors } = await readZipFile(memorySource('w.npz', bytes), 'w.npz', 'weights')
          for (const tensor of tensors) await readAll(tensor, 1 << 20)
        } catch (error) {
          expect(error).toBeInstanceOf(AssayError)
        }
      }),
      { numRuns: 300 },
    )
  })
})

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openStateFile } from '../../../src/core/checkpoint/state-file'
import { placeOf } from './cases'
import { makeFolder } from './folders'

const folder = makeFolder('files', {})

async function openBytes(name: string, content: Uint8Array) {
  const path = join(folder, name)
  writeFileSync(path, content)
  const file = await openStateFile(path, name, 'weights')
  file.close()
  return file
}

const WHOLE = [
  ['safetensors', placeOf('hostile-st-proto')],
  ['zip', placeOf('torch-zoo-parameters')],
  ['legacy', placeOf('torch-zoo-legacy')],
  ['tar', placeOf('torch-zoo-tar')],
  ['package', placeOf('torch-zoo-package')],
  ['exported program', placeOf('torch-zoo-export')],
  ['archive of state files', placeOf('torch-zoo-state-archive')],
  ['sparse tensors', placeOf('torch-zoo-sparse-layouts')],
  ['plain pickle', placeOf('torch-zoo-plain-pickle')],
  ['training dict', placeOf('seed-style-weights-only', 'data/training_state.pt')],
  ['scheduler', placeOf('trainer-gpt2', 'data/checkpoint-10/scheduler.pt')],
] as const

/** Numbers that look random and are the same in every run (Park and Miller's generator). */
function* random(seed: number): Generator<number> {
  for (let x = seed; ; ) {
    x = (x * 48271) % 2147483647
    yield x
  }
}

describe('a state file', () => {
  it('that is not there is a finding', async () => {
    const file = await openStateFile(join(folder, 'nowhere.pt'), 'nowhere.pt', 'weights')
    expect(file.findings.map(({ rule, subject }) => [rule, subject])).toEqual([['file/unreadable', 'nowhere.pt']])
    expect(file.tensors).toEqual([])
  })

  it('keeps its kind when its header is cut', async () => {
    const file = await openStateFile(placeOf('damaged-st-cut-header'), 'model.safetensors', 'weights')
    expect(file.kind).toBe('safetensors')
  })

  it('with big-endian storages says so of every block', async () => {
    const content = readFileSync(placeOf('torch-zoo-tied'))
    content.write('big   ', content.indexOf('little'), 'latin1')
    const { tensors } = await openBytes('big.pt', content)
    expect(tensors.map(({ blocks }) => blocks[0]?.bigEndian)).toEqual([true, true, true])
  })

  it('of JSON is no checkpoint', async () => {
    const file = await openBytes('error.bin', new TextEncoder().encode('{"error": "Repository not found"}'))
    expect(file.findings).toMatchObject([{ rule: 'file/not-a-checkpoint', message: /Repository not found/ }])
  })

  it('of another zip is named', async () => {
    const content = readFileSync(placeOf('torch-zoo-parameters'))
    for (let at = content.indexOf('data.pkl'); at >= 0; at = content.indexOf('data.pkl', at + 1))
      content.write('data.npy', at)
    const file = await openBytes('arrays.npz', content)
    expect(file.findings).toMatchObject([{ rule: 'file/unknown-format', message: /NumPy/ }])
  })

  it('of a tar archive without a state file is named', async () => {
    const content = readFileSync(placeOf('torch-zoo-tar'))
    const text = content.toString('latin1').replaceAll('storages\0', 'pictures\0')
    const renamed = Buffer.from(text, 'latin1')
    // The checksum of a header is the sum of its bytes.
    const at = renamed.indexOf('pictures')
    renamed.write('        ', at + 148, 'latin1')
    const sum = renamed.subarray(at, at + 512).reduce((total, byte) => total + byte, 0)
    renamed.write(`${sum.toString(8).padStart(6, '0')}\0 `, at + 148, 'latin1')
    const file = await openBytes('pictures.tar', renamed)
    expect(file.findings).toMatchObject([{ rule: 'file/unknown-format', message: /without a state file/ }])
  })

  it.each(WHOLE)('cut anywhere (%s) opens to a finding', async (name, path) => {
    const content = readFileSync(path)
    const step = Math.max(1, Math.floor(content.length / 60))
    for (let length = 0; length < content.length; length += step) {
      const file = await openBytes(`cut-${name}`, content.subarray(0, length))
      expect(file.findings, `${length} of ${content.length} bytes`).not.toEqual([])
    }
  })

  it.each(WHOLE)('with any byte changed (%s) never throws', async (name, path) => {
    const numbers = random(7)
    for (let i = 0; i < 150; i++) {
      const content = readFileSync(path)
      const at = (numbers.next().value as number) % content.length
      content[at] = (numbers.next().value as number) & 255
      const file = await openBytes(`changed-${name}`, content)
      expect(Array.isArray(file.tensors), `byte ${at}`).toBe(true)
    }
  })
})

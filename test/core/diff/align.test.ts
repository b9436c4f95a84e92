import { describe, expect, it } from 'vitest'
import { align } from '../../../src/core/diff/align'
import { floats } from './checkpoints'

function names(pairs: ReturnType<typeof align>): (string | undefined)[][] {
  return pairs.map((pair) => [pair.name, pair.a?.file, pair.b?.file])
}

const inFile = (name: string, file: string) => floats(name, [], { file })

describe('tensors of two checkpoints', () => {
  it('pair by name, in the order of the first, whatever files they are in', () => {
    const a = [inFile('x', '1.safetensors'), inFile('y', '2.safetensors'), inFile('gone', '1.safetensors')]
    const b = [inFile('new', 'm.pt'), inFile('y', 'm.pt'), inFile('x', 'm.pt')]
    expect(names(align(a, b))).toEqual([
      ['x', '1.safetensors', 'm.pt'],
      ['y', '2.safetensors', 'm.pt'],
      ['gone', '1.safetensors', undefined],
      ['new', undefined, 'm.pt'],
    ])
  })

  it('of several models side by side pair within the same file', () => {
    const a = [inFile('w', 'model.safetensors'), inFile('w', 'model_1.safetensors')]
    expect(names(align(a, [...a].reverse()))).toEqual([
      ['model.safetensors: w', 'model.safetensors', 'model.safetensors'],
      ['model_1.safetensors: w', 'model_1.safetensors', 'model_1.safetensors'],
    ])
    expect(names(align(a, [inFile('w', 'model_1.safetensors')]))).toEqual([
      ['model.safetensors: w', 'model.safetensors', undefined],
      ['model_1.safetensors: w', 'model_1.safetensors', 'model_1.safetensors'],
    ])
  })

  it('of several models pair in order where the files have other names', () => {
    const a = [inFile('w', 'model.safetensors'), inFile('w', 'model_1.safetensors')]
    const b = [inFile('w', 'pytorch_model.bin'), inFile('w', 'pytorch_model_1.bin'), inFile('w', 'pytorch_model_2.bin')]
    expect(names(align(a, b))).toEqual([
      ['model.safetensors: w', 'model.safetensors', 'pytorch_model.bin'],
      ['model_1.safetensors: w', 'model_1.safetensors', 'pytorch_model_1.bin'],
      ['pytorch_model_2.bin: w', undefined, 'pytorch_model_2.bin'],
    ])
  })

  it('are weights and adapters only', () => {
    const a = [
      floats('w', []),
      floats('lora_A', [], { component: 'adapter' }),
      floats('state.0.exp_avg', [], { component: 'optimizer' }),
      floats('__proto__', []),
    ]
    expect(align(a, []).map((pair) => pair.name)).toEqual(['w', 'lora_A', '__proto__'])
  })
})

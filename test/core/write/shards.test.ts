import { describe, expect, it } from 'vitest'
import { planShards, shardIndex, shardNames } from '../../../src/core/write/shards'

describe('shards', () => {
  const tensor = (name: string, bytes: number) => ({ name, dtype: 'uint8' as const, shape: [bytes] })
  const names = (shards: { name: string }[][]) => shards.map((shard) => shard.map(({ name }) => name).join(''))

  it('fills shards in order and gives a tensor that is too large one of its own', () => {
    const tensors = [tensor('a', 6), tensor('b', 6), tensor('c', 2), tensor('X', 99), tensor('d', 2), tensor('e', 1)]
    expect(names(planShards(tensors, 10))).toEqual(['a', 'X', 'bcd', 'e'])
  })

  it('keeps everything together without a limit, even nothing', () => {
    expect(names(planShards([tensor('a', 6), tensor('b', 6)]))).toEqual(['ab'])
    expect(planShards([])).toEqual([[]])
  })

  it('names one file plainly and several by number', () => {
    expect(shardNames('model', '.safetensors', 1)).toEqual(['model.safetensors'])
    expect(shardNames('model', '.safetensors', 2)).toEqual([
      'model-00001-of-00002.safetensors',
      'model-00002-of-00002.safetensors',
    ])
  })

  it('sums bytes and elements, and sorts the map', () => {
    const text = shardIndex([
      { name: 'b', dtype: 'float32', shape: [2, 2], file: 'two' },
      { name: '__proto__', dtype: 'bfloat16', shape: [], file: 'one' },
    ])
    expect(text).toBe(
      '{\n  "metadata": {\n    "total_parameters": 5,\n    "total_size": 18\n  },\n  "weight_map": {\n' +
        '    "__proto__": "one",\n    "b": "two"\n  }\n}\n',
    )
  })
})

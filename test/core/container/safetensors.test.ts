import { describe, expect, it } from 'vitest'
import { memorySource } from '../../../src/core/bytes/source'
import { readSafetensors } from '../../../src/core/container/safetensors'
import { counted, golden } from './golden'
import { concat } from './make-zip'

const file = (name: string) => golden(`${name}/data/model.safetensors`)
const read = (header: string, data = 0) => readSafetensors(memorySource('x', make(header, data)))

function make(header: string, data: number): Uint8Array {
  const json = new TextEncoder().encode(header)
  const length = new Uint8Array(8)
  new DataView(length.buffer).setBigUint64(0, BigInt(json.length), true)
  return concat([length, json, new Uint8Array(data)])
}

const entry = (dtype: string, shape: number[], begin: number, end: number) =>
  `{"dtype":"${dtype}","shape":${JSON.stringify(shape)},"data_offsets":[${begin},${end}]}`

async function findings(header: string, data = 0): Promise<[string, string][]> {
  return (await read(header, data)).findings.map(({ rule, subject }) => [rule, subject])
}

describe('a sound file', () => {
  it('lists its tensors in file order, with their places', async () => {
    const source = file('damaged-healthy-st')
    const { entries, metadata, findings, headerLength, dataOffset } = await readSafetensors(source)
    expect(findings).toEqual([])
    expect(metadata).toEqual({ format: 'pt' })
    expect(dataOffset).toBe(8 + headerLength)
    expect(entries).toEqual([
      { name: 'embed.weight', dtype: 'float32', shape: [512, 64], begin: 0, end: 131072 },
      { name: 'fc1.bias', dtype: 'float32', shape: [256], begin: 131072, end: 132096 },
      { name: 'fc1.weight', dtype: 'float32', shape: [256, 64], begin: 132096, end: 197632 },
      { name: 'fc2.weight', dtype: 'float32', shape: [64, 256], begin: 197632, end: 263168 },
      { name: 'norm.weight', dtype: 'float32', shape: [64], begin: 263168, end: 263424 },
    ])
  })

  it('is opened without its data being read', async () => {
    const source = counted(file('damaged-healthy-st').bytes)
    await readSafetensors(source)
    expect(source.bytesRead).toBeLessThan(1000)
  })

  it('may be empty, hold scalars and tensors of no elements, and list them in any order', async () => {
    expect(await read('{}      ')).toMatchObject({ entries: [], findings: [] })
    const header = `{"b":${entry('I64', [], 4, 12)},"none":${entry('F32', [4, 0], 12, 12)},"a":${entry('F32', [1], 0, 4)}}`
    const { entries, findings } = await read(header, 12)
    expect(findings).toEqual([])
    expect(entries.map(({ name, shape }) => [name, shape])).toEqual([
      ['a', [1]],
      ['b', []],
      ['none', [4, 0]],
    ])
  })

  it('may begin with a space, have other fields, and metadata of null', async () => {
    const header = ` {"__metadata__":null, "a": {"x": [{"y": "}"}], "dtype":"U8","shape":[ 2 ],"data_offsets":[0 ,2]}}\n`
    expect(await read(header, 2)).toMatchObject({ entries: [{ name: 'a', shape: [2] }], findings: [], metadata: {} })
  })

  it('gives four-bit tensors the shape that torch gives them', async () => {
    expect((await read(`{"a":${entry('F4', [3, 8], 0, 12)}}`, 12)).entries).toEqual([
      { name: 'a', dtype: 'float4_e2m1fn_x2', shape: [3, 4], begin: 0, end: 12 },
    ])
  })

  it('keeps names as they are written, those of object members too', async () => {
    const names = ['__proto__', 'constructor', '', 'é', 'a\\u00e9\\n', 'toString']
    const header = `{${names.map((name, i) => `"${name}":${entry('U8', [1], i, i + 1)}`).join()}}`
    const { entries, findings } = await read(header, names.length)
    expect(entries.map(({ name }) => name)).toEqual(['__proto__', 'constructor', '', 'é', 'aé\n', 'toString'])
    expect(findings.map(({ rule, subject }) => [rule, subject])).toEqual([
      ['file/odd-name', '__proto__'],
      ['file/odd-name', 'aé\n'],
    ])
  })
})

describe('a damaged file', () => {
  it('cut in its data tells which tensors are whole', async () => {
    const { entries, findings } = await readSafetensors(file('damaged-st-cut-middle'))
    expect(entries).toHaveLength(5)
    expect(findings).toMatchObject([
      {
        rule: 'file/truncated',
        subject: 'model.safetensors',
        evidence: { expected: 263840, got: 131920, firstCut: 'fc1.bias', cut: 4, whole: 1 },
      },
    ])
    const last = await readSafetensors(file('damaged-st-cut-last'))
    expect(last.findings).toMatchObject([{ rule: 'file/truncated', evidence: { cut: 1, whole: 4 } }])
  })

  it.each([
    [
      'damaged-st-overlap',
      [
        ['file/overlap', 'fc1.bias'],
        ['file/bad-header', 'fc1.weight'],
      ],
      5,
    ],
    ['damaged-st-trailing', [['file/bad-header', 'model.safetensors']], 5],
    ['damaged-st-duplicate', [['file/bad-header', 'fc1.bias']], 5],
    ['damaged-st-shape-bytes', [['file/bad-header', 'fc1.weight']], 5],
    ['damaged-st-header-huge', [['file/bad-header', 'model.safetensors']], 5],
    ['hostile-st-overflow', [['file/bad-header', 'w']], 0],
    [
      'hostile-st-negative',
      [
        ['file/bad-header', 'w'],
        ['file/bad-header', 'model.safetensors'],
      ],
      0,
    ],
    ['hostile-st-proto', [['file/odd-name', '__proto__']], 2],
    ['hostile-st-many-names', [], 60000],
  ])('as %s is told, and what is left is listed', async (name, expected, count) => {
    const { entries, findings } = await readSafetensors(file(name))
    expect(findings.map(({ rule, subject }) => [rule, subject])).toEqual(expected)
    expect(entries).toHaveLength(count)
  })

  it('with names that drive a terminal says so', async () => {
    const { findings } = await readSafetensors(file('hostile-st-ansi-name'))
    expect(findings.map(({ rule }) => rule)).toEqual(['file/odd-name', 'file/odd-name'])
    for (const { message } of findings) expect(message).not.toContain('\u001b')
  })

  it.each([
    ['damaged-st-cut-header', 'file/truncated'],
    ['damaged-st-header-not-json', 'file/bad-header'],
    ['hostile-st-deep-json', 'file/resource-bomb'],
    ['damaged-empty', 'file/empty'],
    ['damaged-html', 'file/bad-header'],
    ['damaged-lfs-pointer', 'file/bad-header'],
  ])('as %s has no usable header: %s', async (name, code) => {
    await expect(readSafetensors(file(name))).rejects.toMatchObject({ code, file: 'model.safetensors' })
  })

  it('of a few bytes, or cut right behind the length, is truncated', async () => {
    const whole = make('{}', 0)
    for (const length of [1, 7, 8, 9]) {
      const source = memorySource('x', whole.subarray(0, length))
      await expect(readSafetensors(source)).rejects.toMatchObject({ code: 'file/truncated' })
    }
  })

  it('claiming a header larger than memory is refused before anything is allocated', async () => {
    const bytes = make('{}', 0)
    new DataView(bytes.buffer).setBigUint64(0, 9_000_000_000n, true)
    const source = { ...memorySource('x', bytes), size: 10_000_000_000 }
    await expect(readSafetensors(source)).rejects.toMatchObject({ code: 'file/resource-bomb' })
  })
})

describe('a header that the reference reader refuses', () => {
  const good = entry('U8', [2], 0, 2)
  it.each([
    ['a hole', `{"a":${good},"b":${entry('U8', [1], 3, 4)}}`, 4, [['file/bad-header', 'b']]],
    ['a hole at the start', `{"a":${entry('U8', [1], 1, 2)}}`, 2, [['file/bad-header', 'a']]],
    ['two names for one place', `{"a":${good},"b":${good}}`, 2, [['file/overlap', 'b']]],
    ['an empty tensor inside another', `{"a":${good},"b":${entry('U8', [0], 1, 1)}}`, 2, [['file/bad-header', 'b']]],
    ['an end before its begin', `{"a":${entry('U8', [2], 2, 0)}}`, 0, [['file/bad-header', 'a']]],
    ['a fractional dimension', `{"a":${entry('U8', [0.5, 4], 0, 2)}}`, 2, [['file/bad-header', 'a']]],
    ['a negative dimension', `{"a":${entry('U8', [-1, -2], 0, 2)}}`, 2, [['file/bad-header', 'a']]],
    [
      'a product that overflows to 0',
      `{"a":${entry('U8', [2 ** 40, 2 ** 40, 0], 0, 0)}}`,
      0,
      [['file/bad-header', 'a']],
    ],
    ['offsets beyond 2^53', `{"a":${good.replace(',2]}', ',18446744073709551617]}')}}`, 0, [['file/bad-header', 'a']]],
    ['an unknown dtype', `{"a":${entry('f32', [2], 0, 2)}}`, 2, [['file/bad-header', 'a']]],
    ['an odd four-bit tensor', `{"a":${entry('F4', [4, 1], 0, 2)}}`, 2, [['file/bad-header', 'a']]],
    ['a six-bit tensor, which torch lacks', `{"a":${entry('F6_E2M3', [4], 0, 3)}}`, 3, [['file/unknown-format', 'a']]],
    ['an entry that is no object', `{"a":7,"b":${good}}`, 2, [['file/bad-header', 'a']]],
    ['a missing field', `{"a":{"dtype":"U8","shape":[0]},"b":${good}}`, 2, [['file/bad-header', 'a']]],
    ['a field twice', `{"a":${good.replace('{', '{"shape":[2],')}}`, 0, [['file/bad-header', 'a']]],
    [
      'more dimensions than any library takes',
      `{"a":${entry('U8', Array(65).fill(1), 0, 1)}}`,
      0,
      [['file/bad-header', 'a']],
    ],
    ['dimensions in dimensions', `{"a":${good.replace('[2]', '[[2]]')}}`, 0, [['file/bad-header', 'a']]],
    ['three offsets', `{"a":${good.replace('[0,2]', '[0,2,3]')}}`, 0, [['file/bad-header', 'a']]],
    ['metadata that is no text', `{"__metadata__":{"a":1},"b":${good}}`, 2, [['file/bad-header', 'x']]],
    ['metadata that is no object', `{"__metadata__":[],"b":${good}}`, 2, [['file/bad-header', 'x']]],
    ['metadata twice', `{"__metadata__":{},"b":${good},"__metadata__":{}}`, 2, [['file/bad-header', 'x']]],
    ['bytes behind the JSON', `{"b":${good}}\0\0`, 2, [['file/bad-header', 'x']]],
    ['metadata behind an empty object', '{},"__metadata__":{"format":"pt"}', 0, [['file/bad-header', 'x']]],
  ])('has %s', async (_, header, data, expected) => {
    expect(await findings(header, data)).toEqual(expected)
  })

  it('is told apart for one tensor, and the others are listed', async () => {
    const header = `{"a":${entry('F99', [2], 0, 2)},"b":${entry('U8', [1], 2, 3)}}`
    expect((await read(header, 3)).entries.map(({ name }) => name)).toEqual(['b'])
  })

  it.each([
    '',
    ' ',
    '[]',
    '"a"',
    '{"a"}',
    '{"a":1',
    '{"a":1,}',
    '{a:1}',
    '{"a\n":1}',
    '{"a":{"dtype":"U8",}}',
    '{"a":01}',
  ])('is no JSON: %j', async (header) => {
    await expect(read(header)).rejects.toMatchObject({ code: 'file/bad-header' })
  })

  it('is no JSON, and has nothing but quotes that no name begins with', async () => {
    const header = `{"${'\\"'.repeat(2 ** 21)}`
    await expect(read(header)).rejects.toMatchObject({ code: 'file/bad-header' })
  })

  it('is no JSON in one place of hundreds: all others are listed, in order, with the metadata', async () => {
    const entries = Array.from({ length: 700 }, (_, i) => `"t${i}":${entry('U8', [1], i, i + 1)}`)
    entries[300] = (entries[300] as string).replace('"U8"', 'U8')
    entries[301] = (entries[301] as string).replace('[1]', '[1')
    const header = await read(`{"__metadata__":{"format":"pt"},${entries.join()}}`, 700)
    const expected = Array.from({ length: 700 }, (_, i) => i).filter((i) => i !== 300 && i !== 301)
    expect(header.entries.map(({ name, begin }) => [name, begin])).toEqual(expected.map((i) => [`t${i}`, i]))
    expect(header.metadata).toEqual({ format: 'pt' })
    expect(header.findings[0]?.message).toContain('698 of its entries can be read')
  })

  it('is no JSON, and is mostly what only looks like tensors', async () => {
    const torn = (count: number) => read(`{"a":${good},${'"b":{"dtype},'.repeat(count)}`, 2)
    expect((await torn(3)).entries.map(({ name }) => name)).toEqual(['a'])
    await expect(torn(2 ** 20)).rejects.toMatchObject({ code: 'file/bad-header' })
  })

  it('names so many tensors twice that it is no slip: no place of theirs is looked into', async () => {
    const twice = (count: number) => {
      const one = (end: number) => Array.from({ length: count }, (_, i) => `"${i}":${entry('U8', [end - i], i, end)}`)
      return `{${Array.from({ length: count }, (_, i) => `"${i}":${entry('U8', [1], i, i + 1)}`).join()},${one(count + 1).join()}}`
    }
    const doubts = async (count: number) => (await read(twice(count), count + 1)).entries.map(({ doubt }) => doubt)
    expect((await doubts(3)).map((doubt) => doubt?.readings.length)).toEqual([2, 2, 2])
    const many = await doubts(2100)
    expect(many.every((doubt) => doubt?.why.includes('2 places') && doubt.readings.length === 0)).toBe(true)
  })

  it('is no UTF-8', async () => {
    const bytes = make('{"a":1}', 0)
    bytes[10] = 0xff
    await expect(readSafetensors(memorySource('x', bytes))).rejects.toMatchObject({ code: 'file/bad-header' })
  })

  it('a thousandfold is told in a few words', async () => {
    const header = `{${Array.from({ length: 1000 }, (_, i) => `"${i}":${entry('U8', [3], 0, 2)}`).join()}}`
    const { findings } = await read(header, 2)
    expect(findings.length).toBeLessThan(50)
    expect(findings.at(-1)?.evidence).toEqual({ more: 980 })
  })
})

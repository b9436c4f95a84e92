import { describe, expect, it } from 'vitest'
import { layoutSafetensors, writeSafetensors } from '../../../src/core/write/safetensors'
import { memorySink } from './memory-sink'
import { output } from './outputs'

async function written(tensors: Parameters<typeof writeSafetensors>[1], metadata: Record<string, string> = {}) {
  const sink = memorySink()
  await writeSafetensors(sink, tensors, metadata)
  const bytes = sink.bytes()
  const length = Number(new DataView(bytes.buffer).getBigUint64(0, true))
  const text = new TextDecoder().decode(bytes.subarray(8, 8 + length))
  return { bytes, length, text, data: bytes.subarray(8 + length) }
}

describe('writing safetensors', () => {
  it('puts wider types first, then names in the order of their UTF-8 bytes', async () => {
    const { text, data } = await written(
      [
        output('b', 'bool', [1], [1]),
        output('\u{1F600}', 'uint8', [1], [2]),
        output('\uFFFD', 'uint8', [1], [3]),
        output('a', 'bfloat16', [1], [4, 5]),
        output('z', 'float16', [1], [6, 7]),
        output('n', 'int64', [1], [8, 8, 8, 8, 8, 8, 8, 8]),
      ],
      { format: 'pt' },
    )
    expect(Object.keys(JSON.parse(text))).toEqual(['__metadata__', 'n', 'a', 'z', '\uFFFD', '\u{1F600}', 'b'])
    expect([...data]).toEqual([8, 8, 8, 8, 8, 8, 8, 8, 4, 5, 6, 7, 3, 2, 1])
  })

  it('pads the header with spaces so that the values begin at a multiple of 8', async () => {
    const { text, length } = await written([output('w', 'float32', [1], [0, 0, 0, 0])])
    expect(length % 8).toBe(0)
    expect(text.trimEnd()).toBe('{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}')
  })

  it('writes an empty model as the reference writer does', async () => {
    const { bytes } = await written([])
    expect([...bytes]).toEqual([8, 0, 0, 0, 0, 0, 0, 0, 0x7b, 0x7d, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20])
  })

  it('counts single values of packed 4-bit pairs', async () => {
    const { text } = await written([output('q', 'float4_e2m1fn_x2', [2, 3], [1, 2, 3, 4, 5, 6])])
    expect(JSON.parse(text).q).toEqual({ dtype: 'F4', shape: [2, 6], data_offsets: [0, 6] })
  })

  it('knows the size of the file before a value is read', async () => {
    const tensors = [output('w', 'float32', [3], new Uint8Array(12)), output('e', 'float32', [0], [])]
    expect(layoutSafetensors(tensors, { format: 'pt' }).size).toBe(
      (await written(tensors, { format: 'pt' })).bytes.length,
    )
  })

  it('refuses two tensors of one name, before anything is written', async () => {
    const sink = memorySink()
    const twice = [output('w', 'bool', [1], [1]), output('w', 'bool', [1], [0])]
    await expect(writeSafetensors(sink, twice, {})).rejects.toMatchObject({ code: 'target/duplicate-name' })
    expect(sink.position).toBe(0)
  })

  it('names every tensor that the format cannot hold', async () => {
    const tensors = [
      output('ok', 'float32', [], [0, 0, 0, 0]),
      output('c', 'complex128', [1], new Uint8Array(16)),
      output('\ud800', 'bool', [1], [1]),
      output('__metadata__', 'bool', [1], [1]),
    ]
    await expect(writeSafetensors(memorySink(), tensors, {})).rejects.toMatchObject({
      code: 'target/not-expressible',
      message: expect.stringMatching(/c \(.*complex128\), \ud800 .*, __metadata__ /),
    })
  })

  it.each([
    ['fewer', [1, 2, 3, 4]],
    ['more', [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]],
  ])('refuses values of %s bytes than the shape has', async (_, bytes) => {
    const writing = writeSafetensors(memorySink(), [output('w', 'float32', [2], bytes, 4)], {})
    await expect(writing).rejects.toMatchObject({ code: 'target/wrong-length' })
  })

  it('stops between blocks when cancelled', async () => {
    const abort = new AbortController()
    const sink = memorySink()
    const writing = writeSafetensors(
      sink,
      [output('w', 'uint8', [640], new Uint8Array(640))],
      {},
      {
        signal: abort.signal,
        onProgress: () => abort.abort(),
      },
    )
    await expect(writing).rejects.toMatchObject({ code: 'cancelled' })
    expect(sink.position).toBeLessThan(640)
  })

  it('keeps names that JavaScript objects treat specially', async () => {
    const { text } = await written([output('__proto__', 'bool', [1], [1]), output('constructor', 'bool', [1], [1])])
    expect(text).toContain('"__proto__":{"dtype":"BOOL"')
    expect(text).toContain('"constructor":{"dtype":"BOOL"')
  })
})

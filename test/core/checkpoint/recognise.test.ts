import { deflateRawSync, gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { memorySource } from '../../../src/core/bytes/source'
import { recognise } from '../../../src/core/checkpoint/recognise'

const text = (content: string) => new TextEncoder().encode(content)
const bytes = (...values: number[]) => Uint8Array.from(values)
const safetensors = (header: string) => {
  const body = text(header)
  const whole = new Uint8Array(8 + body.length)
  new DataView(whole.buffer).setBigUint64(0, BigInt(body.length), true)
  whole.set(body, 8)
  return whole
}

const MAGIC = [0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19]

const kindOf = async (content: Uint8Array) => (await recognise(memorySource('x.bin', content))).kind
const findingOf = async (content: Uint8Array) => (await recognise(memorySource('x.bin', content))).finding

describe('a file is recognised by its bytes, whatever it is called', () => {
  it.each([
    ['a zip', bytes(0x50, 0x4b, 3, 4, 0, 0), 'torch-zip'],
    ['the stream before 1.6', bytes(0x80, 2, 0x8a, ...MAGIC, 0x2e), 'torch-legacy'],
    ['that stream pickled by protocol 1', text('L119547037146038801333356L\n.'), 'torch-legacy'],
    [
      'that stream pickled by protocol 4',
      bytes(0x80, 4, 0x95, 13, 0, 0, 0, 0, 0, 0, 0, 0x8a, ...MAGIC, 0x2e),
      'torch-legacy',
    ],
    ['a pickle of protocol 4', bytes(0x80, 4, 0x7d, 0x2e), 'pickle'],
    ['a pickle of protocol 0', text("cposix\nsystem\n(S'x'\ntR."), 'pickle'],
    ['a pickle of protocol 1', bytes(0x7d, 0x71, 0, 0x2e), 'pickle'],
    ['safetensors', safetensors('{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}'), 'safetensors'],
    ['safetensors with a header of 0x480 bytes', safetensors(`{"a":1${' '.repeat(0x480 - 7)}}`), 'safetensors'],
    ['safetensors with a space before the header', safetensors(' {}'), 'safetensors'],
    ['GGUF', text('GGUF\u0003\0\0\0'), 'gguf'],
    ['a NumPy array', bytes(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0), 'npy'],
    ['a JSON object', text('\n{"a": 1}'), 'json'],
    ['a JSON array', text('[1, 2]'), 'json'],
  ])('%s', async (_, content, kind) => {
    expect(await kindOf(content)).toBe(kind)
    expect(await findingOf(content)).toBeUndefined()
  })
})

describe('an ordinary text is never taken for a pickle', () => {
  it.each([
    ['requirements.txt', 'cffi\ncloudpickle\n'],
    ['requirements.txt of one', 'torch'],
    ['requirements.txt with pins', 'ijson==3.2\nicecream\nIPython>=8\n'],
    ['merges.txt', '#version: 0.2\n\u0120 t\n\u0120 a\nh e\n'],
    ['merges.txt without its version', 'i n\nt h\n'],
    ['vocab.txt', '[PAD]\n[UNK]\n[CLS]\n!\n"\n(\n)\n.\n'],
    ['vocab.txt of letters', 'c\ni\nl\nN\n.\n'],
    ['vocab.txt of marks', '(\n)\n.\n'],
    ['code', 'import os\nfrom torch import nn\n\nprint("x")\n'],
    ['code of classes', 'class Net(nn.Module):\n    pass\n'],
    ['a table', 'id,label\n1,cat\n2,dog\n'],
    ['a table of names', 'Name,Label\nA,1\n'],
    ['a licence', 'MIT License\n\nCopyright (c) 2026\n'],
    ['Apache', '                                 Apache License\n                           Version 2.0\n'],
    ['a list', 'K1. The first clause.\nK2. The second.\n'],
    ['numbers', 'I1.\n'],
    ['one letter and a point', 'N.\n'],
    ['prose', 'Some words.\nVery few.\n'],
    ['a log', 'loss: 3.2\nloss: 3.1\n'],
    ['ini', '[core]\n\trepositoryformatversion = 0\n'],
    ['yaml', 'lr: 0.1\nbatch: 3\n'],
    ['a diff', 'diff --git a/x b/x\nindex 0..1\n'],
  ])('%s', async (_, content) => {
    expect(await kindOf(text(content))).toBe('text')
  })

  it.each([
    ['an int of protocol 0', 'I12\n.'],
    ['a dict of protocol 0', "(dp0\nS'a'\np1\nI1\ns."],
    ['with a line break behind it', "(dp0\nS'a'\np1\nI1\ns.\n"],
    ['several in a row', 'I1\n.I2\n.(lp0\n.'],
    ['a call cut before its end', "ccollections\nOrderedDict\np0\n(tRp1\nS'wei"],
  ])('but %s is one', async (_, content) => {
    expect(await kindOf(text(content))).toBe('pickle')
  })

  it('and so is one of protocol 1 with values behind it', async () => {
    expect(await kindOf(bytes(0x7d, 0x71, 0, 0x2e, 0xff, 0xfe, 0, 0))).toBe('pickle')
  })
})

describe('what is no checkpoint is named', () => {
  it.each([
    ['an empty file', bytes(), 'file/empty', /no bytes/],
    ['zeros', new Uint8Array(70_000), 'file/zeroed', /70000 bytes/],
    ['a page', text('<!DOCTYPE html>\n<title>404 Not Found</title>'), 'file/not-a-checkpoint', /404 Not Found/],
    ['an XML answer', text('<?xml version="1.0"?><Error/>'), 'file/not-a-checkpoint', /web page/],
    ['a text', text('Entry not found'), 'file/not-a-checkpoint', /Entry not found/],
    ['gzip', gzipSync('x'), 'file/unknown-format', /gzip/],
    [
      'noise',
      deflateRawSync('some text that is deflated and so looks like nothing at all'),
      'file/unknown-format',
      /begins with/,
    ],
  ])('%s', async (_, content, rule, message) => {
    expect(await findingOf(content)).toMatchObject({ rule, message })
  })

  it('a Git LFS pointer, with what it stands for', async () => {
    const pointer = text(`version https://git-lfs.github.com/spec/v1\noid sha256:${'ab'.repeat(32)}\nsize 12345\n`)
    expect(await findingOf(pointer)).toMatchObject({
      rule: 'file/not-downloaded',
      evidence: { size: 12345, oid: `sha256:${'ab'.repeat(32)}` },
    })
  })

  it('a file that only begins with zeros is not called zeroed', async () => {
    const content = new Uint8Array(200_000)
    content[150_000] = 1
    expect(await findingOf(content)).toMatchObject({ rule: 'file/unknown-format' })
  })

  it('zeros are looked for in samples where the file is large', async () => {
    let read = 0
    const source = {
      name: 'big.bin',
      size: 50e9,
      async read(_: number, target: Uint8Array) {
        read += target.byteLength
        target.fill(0)
      },
      close() {},
    }
    expect((await recognise(source)).finding).toMatchObject({ rule: 'file/zeroed' })
    expect(read).toBeLessThan(2 << 20)
  })
})

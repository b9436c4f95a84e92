import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { allowedByWeightsOnly, canonicalPath } from '../../src/core/decode/pickle/globals'
import { type DecodedPickle, decodePickle } from '../../src/core/decode/pickle/machine'
import { plainOf } from '../../src/core/decode/pickle/plain-of'
import { WEIGHTS_ONLY } from '../../src/core/decode/pickle/safe'
import {
  PyBytes,
  PyDict,
  PyFloat,
  PyGlobal,
  PyList,
  PyObject,
  PySet,
  PyTuple,
  type PyValue,
} from '../../src/core/decode/pickle/value'
import { encodePickle } from '../../src/core/write/pickle'
import { pickles } from '../core/decode/pickle/streams'
import { goldenPath } from '../golden/cases'
import { python } from './python'

const folder = mkdtempSync(join(tmpdir(), 'assay-pickle-'))
afterAll(() => rmSync(folder, { recursive: true }))

const put = (name: string, bytes: Uint8Array) => {
  const path = join(folder, name)
  writeFileSync(path, bytes)
  return path
}

/** Honest, whole archives of torch by path, with their main pickle. */
async function archives(): Promise<Map<string, Uint8Array>> {
  const found = new Map<string, Uint8Array>()
  for (const { name, bytes } of await pickles()) {
    const [file = '', record = ''] = name.split(':')
    // A distcp file is a row of archives, none of which is for torch.load to open.
    if (!record.endsWith('/data.pkl') || /^(hostile|damaged)|\.distcp$/.test(file)) continue
    const [folderOfCase = '', ...rest] = file.split('/')
    found.set(goldenPath(folderOfCase, join('data', ...rest)), bytes)
  }
  return found
}

it('accepts the very globals that torch accepts as weights only', () => {
  expect([...WEIGHTS_ONLY].sort()).toEqual(JSON.parse(python('unpickled.py', 'allowed')))
})

it('sees the ends and the globals that pickletools sees, in every golden pickle', async () => {
  const streams = await pickles()
  const inputs = mkdtempSync(join(folder, 'streams-'))
  for (const [i, { bytes }] of streams.entries()) writeFileSync(join(inputs, String(i)), bytes)
  type Facts = Record<string, { readonly end?: number; readonly error?: string; readonly globals: readonly string[] }>
  const facts: Facts = JSON.parse(python('unpickled.py', 'streams', inputs))
  expect(streams.length).toBeGreaterThan(200)
  for (const [i, { name, bytes }] of streams.entries()) {
    const decoded = decodePickle(bytes)
    const seen = facts[i]
    // What pickletools cannot take apart we refuse; we refuse more than it does only where a case is built to be refused.
    if (seen?.error !== undefined) expect(decoded.error, name).toBeDefined()
    else if (!name.startsWith('hostile-')) expect(decoded.error, name).toBeUndefined()
    if (!decoded.error) expect(decoded.end, name).toBe(seen?.end)
    const ours = new Set(decoded.globals.map((use) => `${use.module}.${use.name}`))
    if (!decoded.error) for (const path of seen?.globals ?? []) expect(ours.has(path), `${name}: ${path}`).toBe(true)
  }
})

it('foretells what torch.load(weights_only=True) takes, and what it minds', async () => {
  const files = await archives()
  type Facts = Record<string, { readonly loads: boolean; readonly minds: readonly string[] | null }>
  const facts: Facts = JSON.parse(python('unpickled.py', 'forecast', ...files.keys()))
  const refused = (decoded: DecodedPickle) => {
    return decoded.globals.filter(({ module, name }) => !allowedByWeightsOnly(module, name))
  }
  expect(files.size).toBeGreaterThan(60)
  for (const [path, bytes] of files) {
    const decoded = decodePickle(bytes)
    const mind = refused(decoded)
    const loads = mind.length === 0 && decoded.refusedOpcode === undefined
    expect({ path, loads }).toEqual({ path, loads: facts[path]?.loads })
    const minds = facts[path]?.minds
    if (!minds || loads) continue
    const named = new Set(mind.map(({ module, name }) => canonicalPath(module, name)))
    // torch lists what the stream spells, not the class inside one of these that `getattr` fetches.
    const fetched = (each: string) => named.has('builtins.getattr') && named.has(each.slice(0, each.lastIndexOf('.')))
    const spelled = [...named].filter((each) => !fetched(each))
    expect({ path, minds: spelled.sort() }).toEqual({ path, minds: [...new Set(minds)].sort() })
  }
})

describe('what Python pickles', () => {
  const inputs = mkdtempSync(join(folder, 'dump-'))
  beforeAll(() => void python('unpickled.py', 'dump', inputs))
  const read = (name: string) => decodePickle(new Uint8Array(readFileSync(join(inputs, name))))

  it.each([0, 1, 2, 3, 4, 5])('in protocol %i reads as it was meant', (protocol) => {
    const decoded = read(`${protocol}.pkl`)
    expect(decoded.error).toBeUndefined()
    expect(decoded.protocol).toBe(protocol)
    expect(decoded.globals.filter(({ verdict }) => verdict !== 'safe')).toEqual([])
    const shared = ['one', 'two']
    expect(plainOf(decoded.value ?? null)).toEqual({
      ints: [0, 1, -1, 255, 256, 65535, 65536, -(2 ** 31), 2 ** 31, 2 ** 53 - 1, -(2 ** 53) + 1],
      floats: [0.5, -1e300, 1e-320],
      texts: ['', 'é層😀', 'back\\slash\n\'"', '\ud800', '\\u0041', 'x'.repeat(300)],
      tuples: [[], [1], [1, 2], [1, 2, 3], [1, 2, 3, 4]],
      flags: [true, false, null],
      set: [1],
      shared: [shared, shared],
      long: Array.from({ length: 2500 }, (_, i) => i),
      nested: { a: { b: { c: [[[]]] } } },
      ordered: { z: 1, a: 2 },
      counted: { h: 1, e: 1, l: 2, o: 1 },
      default: { k: [1] },
      arguments: { lr: 0.1, name: 'run' },
      path: '/a/b',
      number: 0.25,
      array: 'ndarray int16 [2, 3]',
      bytes: 'bytes [2]',
      when: '2024-02-29 23:59:58',
    })
  })

  it('as a tensor without torch.save is vetted to the storage inside', () => {
    const { error, globals } = read('tensor.pkl')
    expect(error).toBeUndefined()
    expect(globals.map(({ name, verdict }) => `${name} ${verdict}`)).toEqual(
      expect.arrayContaining(['_rebuild_tensor_v2 safe', '_load_from_bytes safe', 'FloatStorage safe']),
    )
  })
})

describe('what we pickle', () => {
  it('torch loads as weights only, to the same tensors', async () => {
    const jobs: [archive: string, pkl: string, out: string][] = []
    for (const [path, bytes] of await archives()) {
      const { globals, value, refusedOpcode } = decodePickle(bytes)
      const taken = globals.every(({ module, name }) => allowedByWeightsOnly(module, name)) && !refusedOpcode
      if (!taken || value === undefined || !/torch-zoo|optimizer-zoo|seed-style|trainer-gpt2/.test(path)) continue
      const pkl = put(`${jobs.length}.pkl`, encodePickle(value))
      jobs.push([path, pkl, join(folder, `${jobs.length}.pt`)])
    }
    expect(jobs.length).toBeGreaterThan(30)
    const facts: { archive: string; same: boolean }[] = JSON.parse(
      python('unpickled.py', 'replace', JSON.stringify(jobs)),
    )
    expect(facts.filter(({ same }) => !same)).toEqual([])
    expect(facts).toHaveLength(jobs.length)
  })

  it('Python reads as it was meant', () => {
    const cyclic = new PyList([1])
    cyclic.items.push(cyclic)
    const tuple = new PyTuple([cyclic, 'x', 'y', 'z'])
    cyclic.items.push(tuple)
    const mapping = new PyDict()
    for (const key of ['a', 3, new PyTuple([1, 2]), null] as PyValue[]) mapping.entries.set(key, 'v')
    const ordered = new PyObject(new PyGlobal('collections', 'OrderedDict'), new PyTuple([]), 'reduce')
    ordered.entries.set('w', new PyFloat(-0))
    const values: [PyValue, string][] = [
      [null, 'None'],
      [true, 'True'],
      [-1, '-1'],
      [65536, '65536'],
      [2 ** 31, '2147483648'],
      [-(2 ** 53) + 1, '-9007199254740991'],
      [2n ** 64n, '18446744073709551616'],
      [-(2n ** 63n), '-9223372036854775808'],
      [new PyFloat(0.1), '0.1'],
      [new PyFloat(1), '1.0'],
      [new PyFloat(-Infinity), '-inf'],
      ['é層😀', "'é層😀'"],
      ['a\ud800', "'a\\ud800'"],
      [new PyBytes(Uint8Array.from([0, 255])), "b'\\x00\\xff'"],
      [new PyBytes(new Uint8Array(0)), "b''"],
      [new PyBytes(Uint8Array.from([200]), true), "bytearray(b'\\xc8')"],
      [new PySet([1]), '{1}'],
      [new PySet(['f'], true), "frozenset({'f'})"],
      [cyclic, "[1, [...], ([...], 'x', 'y', 'z')]"],
      [mapping, "{'a': 'v', 3: 'v', (1, 2): 'v', None: 'v'}"],
      [ordered, "OrderedDict([('w', -0.0)])"],
    ]
    const path = put('values.pkl', encodePickle(new PyList(values.map(([value]) => value))))
    const reprs: string[] = JSON.parse(python('unpickled.py', 'load', path))
    expect(reprs.map((text) => text.replace(/^OrderedDict\(\{'w': -0.0\}\)$/, "OrderedDict([('w', -0.0)])"))).toEqual(
      values.map(([, text]) => text),
    )
  })
})

import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { scan } from '../../../src/core/verify/scan'
import { casesLike, goldenPath, truthOf } from '../../golden/cases'
import { makeZip } from '../container/make-zip'
import { little, pickle, raw } from '../decode/pickle/assemble'

const folder = mkdtempSync(join(tmpdir(), 'assay-scan-'))
afterAll(() => rmSync(folder, { recursive: true }))

const CALL = raw("cos\nsystem\n(S'true'\ntR.")
const hostile = pickle('PROTO', 2, CALL)
const harmless = pickle('PROTO', 2, 'EMPTY_DICT', 'STOP')

async function scanned(name: string, bytes: Uint8Array) {
  const path = join(folder, name)
  writeFileSync(path, bytes)
  const [file] = (await scan([path])).files
  return { verdict: file?.verdict, dangerous: names(file), ...(file?.error !== undefined && { error: file.error }) }
}

function names(file: Awaited<ReturnType<typeof scan>>['files'][number] | undefined): string[] {
  const dangerous = file?.globals.filter(({ verdict }) => verdict === 'dangerous') ?? []
  return dangerous.map(({ module, name }) => `${module.replace('__builtin__', 'builtins')}.${name}`)
}

describe('golden files', () => {
  it.each(casesLike('hostile-'))('%s is judged as truth says', async (name) => {
    const [file] = (await scan([goldenPath(name)])).files
    const finding = truthOf(name).expect.findings[0]
    if (finding?.rule === 'dangerous-global') {
      expect(file?.verdict).toBe('dangerous')
      expect(names(file).some((path) => path.endsWith(finding.subject))).toBe(true)
    } else {
      expect(names(file)).toEqual([])
      const undecided = finding?.rule === 'malformed-pickle' || (finding?.rule === 'resource-bomb' && !/zip/.test(name))
      expect(file?.verdict).toBe(undecided ? 'unknown' : 'safe')
      expect(file?.error !== undefined).toBe(undecided)
    }
  })

  const honest = casesLike('').filter((name) => !/^(hostile|make)/.test(name))
  it.each(honest)('%s raises no alarm', async (name) => {
    const { files } = await scan([goldenPath(name, '')])
    for (const file of files) expect(names(file), file.path).toEqual([])
  })

  it('names the classes that only their project knows', async () => {
    const [file] = (await scan([goldenPath('torch-zoo-module')])).files
    expect(file?.verdict).toBe('unknown')
    expect(file?.globals).toContainEqual({ module: '__main__', name: 'LocalNet', verdict: 'unknown' })
  })
})

describe('where pickles hide', () => {
  const dangerous = { verdict: 'dangerous', dangerous: ['os.system'] }

  it('behind a clean first pickle', async () => {
    expect(await scanned('second.bin', Uint8Array.from([...harmless, ...harmless, ...hostile]))).toEqual(dangerous)
  })

  it('in protocol 0, whatever the file is called', async () => {
    expect(await scanned('readme.txt', pickle(CALL))).toEqual(dangerous)
  })

  it('where the ninth byte looks like the JSON of safetensors', async () => {
    expect(await scanned('model.safetensors', pickle('SHORT_BINUNICODE', 7, raw('      {'), 'POP', CALL))).toEqual(
      dangerous,
    )
  })

  it('in a record of an archive with any name', async () => {
    const record = (name: string, data: Uint8Array) => ({ name, data })
    const archive = makeZip([record('archive/data.pkl', harmless), record('archive/data/0', hostile)])
    expect(await scanned('archive.pt', archive)).toEqual(dangerous)
  })

  it('in an archive before the last one', async () => {
    const first = makeZip([{ name: 'archive/data.pkl', data: hostile }])
    const last = makeZip([{ name: 'archive/data.pkl', data: harmless }])
    expect(await scanned('__0_0.distcp', Uint8Array.from([...first, ...last]))).toMatchObject(dangerous)
  })

  it('behind bytes that no archive begins with', async () => {
    const archive = makeZip([{ name: 'archive/data.pkl', data: hostile }])
    const junk = raw('PK\u0003\u0004 and nothing more')
    expect(await scanned('junk.pt', pickle(junk, archive))).toMatchObject(dangerous)
  })

  it('in the second of two archives of the same size, which only some readers see', async () => {
    const [clean, other] = [harmless, hostile].map((data) =>
      makeZip([{ name: 'a/data.pkl', data: Uint8Array.from([...data, ...new Uint8Array(64 - data.length)]) }]),
    ) as [Uint8Array, Uint8Array]
    expect(clean.length).toBe(other.length)
    expect(await scanned('pair.pt', Uint8Array.from([...clean, ...other]))).toEqual(dangerous)
  })

  it('is unknown where a record named as a pickle breaks, in the protocols that have no mark too', async () => {
    const record = new TextEncoder().encode('(dp0\nVw\np1\ncfoo\nbar\nPnot a storage\ntR')
    const found = await scanned('broken.pt', makeZip([{ name: 'a/data.pkl', data: record }]))
    expect(found).toMatchObject({ verdict: 'unknown', dangerous: [] })
  })

  it('behind bytes that only make the file begin like something else', async () => {
    const archive = makeZip([{ name: 'archive/data.pkl', data: hostile }])
    expect(await scanned('script.pt', pickle(raw('#!/bin/sh\n'), archive))).toEqual(dangerous)
  })

  it('also where the archive claims to begin behind its end', async () => {
    const record = { name: 'archive/data.pkl', data: hostile, lie: { offset: 0x7fffffff } }
    expect(await scanned('nowhere.pt', makeZip([record]))).toMatchObject({ verdict: 'unknown' })
  })

  it('behind the header of a NumPy array of objects', async () => {
    const header = "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }\n"
    const npy = pickle(raw('\u0000'), raw('NUMPY'), 1, 0, little(header.length, 2), raw(header), hostile)
    npy[0] = 0x93
    expect(await scanned('objects.npy', npy)).toEqual(dangerous)
  })

  it('beyond the first megabyte', async () => {
    const long = pickle('PROTO', 4, 'BINBYTES', little(3 << 20, 4), new Uint8Array(3 << 20), 'POP', CALL)
    expect(await scanned('long.pkl', long)).toEqual(dangerous)
  })
})

describe('what is no pickle', () => {
  it.each<[string, Uint8Array]>([
    ['config.json', pickle(raw('{"model_type": "gpt2"}'))],
    ['requirements.txt', pickle(raw('cffi\ncloudpickle\ndill\n'))],
    ['import.py', pickle(raw('import os\nos.system("true")\n'))],
    ['empty.bin', new Uint8Array(0)],
    ['zeros.bin', new Uint8Array(100)],
    ['storage', pickle('EXT1', 1, 'STOP')],
  ])('%s is safe', async (name, bytes) => {
    const inArchive = name === 'storage' ? makeZip([{ name: 'archive/data/0', data: bytes }]) : bytes
    expect(await scanned(name, inArchive)).toEqual({ verdict: 'safe', dangerous: [] })
  })

  it('is unknown when it is packed', async () => {
    expect(await scanned('a.pkl.gz', Uint8Array.from([0x1f, 0x8b, 8, 0]))).toMatchObject({
      verdict: 'unknown',
      error: expect.stringMatching(/gzip/),
    })
  })
})

describe('paths', () => {
  it('folders are entered, and every file is told of', async () => {
    const deep = join(folder, 'run', 'a', 'b', 'c', 'd')
    mkdirSync(deep, { recursive: true })
    writeFileSync(join(deep, '.hidden.pkl'), hostile)
    writeFileSync(join(folder, 'run', 'ok.pkl'), harmless)
    const { files } = await scan([join(folder, 'run')])
    expect(files.map(({ path, verdict }) => [path.slice(folder.length + 1), verdict])).toEqual([
      ['run/a/b/c/d/.hidden.pkl', 'dangerous'],
      ['run/ok.pkl', 'safe'],
    ])
  })

  const rows = async (...paths: string[]) =>
    (await scan(paths)).files.map(({ path, verdict, error }) => ({ path, verdict, error }))

  it('are entered however deep they lie', async () => {
    const root = join(folder, 'deep')
    const bottom = join(root, ...Array.from({ length: 70 }, () => 'd'))
    mkdirSync(bottom, { recursive: true })
    writeFileSync(join(bottom, 'model.pkl'), hostile)
    expect(await rows(root)).toMatchObject([{ verdict: 'dangerous' }])
  })

  it.runIf(process.platform === 'linux')('longer than the system takes are unknown', async () => {
    const parts = ['long', 'far'].map((name) => join(folder, name))
    for (const part of parts)
      mkdirSync(join(part, ...Array.from({ length: 12 }, () => 'd'.repeat(250))), { recursive: true })
    const [root = '', far = ''] = parts
    const bottom = join(root, ...Array.from({ length: 12 }, () => 'd'.repeat(250)), 'far')
    renameSync(far, bottom)
    const [only, ...others] = await rows(root)
    renameSync(bottom, far)
    expect(others).toEqual([])
    expect(only).toMatchObject({ verdict: 'unknown', error: expect.stringMatching(/longer than the system takes/) })
  })

  it('that are dead links, circles or links to elsewhere are unknown', async () => {
    const root = join(folder, 'links')
    mkdirSync(join(root, 'step-1'), { recursive: true })
    symlinkSync('../gone.pt', join(root, 'dead.pt'))
    symlinkSync('circle', join(root, 'circle'))
    symlinkSync('..', join(root, 'outside'))
    symlinkSync('step-1', join(root, 'latest'))
    symlinkSync('..', join(root, 'step-1', 'up'))
    const found = await rows(root)
    expect(found.map(({ path, error }) => [path.slice(root.length + 1), error])).toEqual([
      ['circle', expect.stringMatching(/circle is a link that leads in a circle/)],
      ['dead.pt', expect.stringMatching(/a link to something that is not there/)],
      ['outside', expect.stringMatching(/outside of what was scanned/)],
    ])
    expect(found.every(({ verdict }) => verdict === 'unknown')).toBe(true)
  })

  it.runIf(process.platform === 'linux')('that are devices are not waited for', async () => {
    expect(await rows('/dev/null')).toMatchObject([{ verdict: 'unknown', error: expect.stringMatching(/a device/) }])
  })

  it.runIf(process.platform === 'linux')('with names that are no UTF-8 are not called safe', async () => {
    const root = join(folder, 'latin1')
    mkdirSync(root)
    writeFileSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0xff]), Buffer.from('.pkl')]), hostile)
    const { files } = await scan([root])
    expect(files).toMatchObject([{ verdict: 'unknown', error: expect.stringMatching(/no UTF-8/) }])
  })

  it('that lead nowhere do not hide what the others hold', async () => {
    const bad = join(folder, 'second.bin')
    expect(await rows(join(folder, 'nothing'), bad)).toMatchObject([
      { verdict: 'unknown', error: expect.stringMatching(/does not exist/) },
      { path: bad, verdict: 'dangerous' },
    ])
  })
})

describe('archives in archives', () => {
  const inner = makeZip([{ name: 'archive/data.pkl', data: hostile }])

  it('are looked into, as in the zip of Stable-Baselines3', async () => {
    const outer = makeZip([
      { name: 'data', data: new TextEncoder().encode('{}') },
      { name: 'policy.pth', data: inner, deflate: true },
    ])
    expect(await scanned('agent.zip', outer)).toMatchObject({ verdict: 'dangerous', dangerous: ['os.system'] })
  })

  it('and so are the pickles in its JSON', async () => {
    const serialized = Buffer.from(hostile).toString('base64')
    const data = JSON.stringify({ policy: { ':type:': 'abc.ABCMeta', ':serialized:': serialized } }, undefined, 4)
    const outer = makeZip([
      { name: 'data', data: new TextEncoder().encode(data), deflate: true },
      { name: 'policy.pth', data: makeZip([{ name: 'archive/data.pkl', data: harmless }]) },
    ])
    expect(await scanned('agent.zip', outer)).toMatchObject({ verdict: 'dangerous', dangerous: ['os.system'] })
  })

  it('are unknown where they lie too deep', async () => {
    let nest = inner
    for (let i = 0; i < 4; i++) nest = makeZip([{ name: 'nest.pt', data: nest }])
    expect(await scanned('nest.zip', nest)).toMatchObject({ verdict: 'unknown', error: /too deep/ })
  })

  it('are unknown where they are packed', async () => {
    const outer = makeZip([{ name: 'weights.pkl.gz', data: Uint8Array.from([0x1f, 0x8b, 8, 0]) }])
    expect(await scanned('packed.zip', outer)).toMatchObject({
      verdict: 'unknown',
      error: expect.stringMatching(/gzip/),
    })
  })

  it('are looked into where a large record is deflated and its name says nothing', async () => {
    const long = pickle('PROTO', 4, 'BINBYTES', little(17 << 20, 4), new Uint8Array(17 << 20), 'POP', CALL)
    const archive = makeZip([{ name: 'blob', data: long, deflate: true }])
    expect(await scanned('blob.zip', archive)).toMatchObject({ verdict: 'dangerous', dangerous: ['os.system'] })
    const values = makeZip([{ name: 'blob', data: new Uint8Array(17 << 20).fill(63), deflate: true }])
    expect(await scanned('values.zip', values)).toMatchObject({ verdict: 'safe' })
  })

  it('of torch 0.1 are tars', async () => {
    const path = goldenPath('torch-zoo-tar')
    const [file] = (await scan([path])).files
    expect(file).toMatchObject({ verdict: 'safe' })
    const bytes = readFileSync(path)
    // Behind the values of storages, too, pickles are loaded. None fills the place that is left.
    bytes.write('posix\nsystem\nN0N0N', bytes.lastIndexOf('torch\nLongStorage\n'), 'latin1')
    expect(await scanned('hostile.tar', bytes)).toMatchObject({ verdict: 'dangerous', dangerous: ['posix.system'] })
  })
})

it('every object of a stream is looked at', async () => {
  const stream = new Uint8Array(readFileSync(goldenPath('torch-zoo-stream')))
  expect(await scanned('stream.pt', stream)).toMatchObject({ verdict: 'safe', dangerous: [] })
  const text = Buffer.from(stream)
  const last = text.lastIndexOf('ctorch._utils\n_rebuild_tensor_v2\n')
  text.write('cos\nsystem\n', last, 'latin1')
  expect((await scanned('hostile-stream.pt', text)).dangerous).toEqual(['os.system'])
})

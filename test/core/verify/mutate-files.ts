import {
  cpSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { openFile } from '../../../src/core/bytes/file'
import { readBytes } from '../../../src/core/bytes/source'
import { entrySource, openZip } from '../../../src/core/container/zip'
import type { RuleId } from '../../../src/core/finding'
import { goldenPath } from '../../golden/cases'
import { type Member, makeZip } from '../container/make-zip'

type Change = (folder: string) => void | Promise<void>

/** A file or a folder of a healthy case, and what is done to a copy of it. */
export interface Mutation {
  readonly of: string
  /** Inside the case, where it is not what the case is about. */
  readonly inside?: string
  /** Makes a healthy checkpoint of a kind that no golden case is of. */
  readonly first?: Change
  readonly damage: Change
  /** When the damage is done to a checkpoint that is open already. */
  readonly open?: true
}

const gpt2 = (damage: Change, more: Partial<Mutation> = {}): Mutation => ({ of: 'trainer-gpt2', damage, ...more })
const tensors = (change: (header: Header) => void, shrinkBy = 0): Mutation => ({
  of: 'damaged-healthy-st',
  inside: 'data',
  damage: rewriteHeader('model.safetensors', change, shrinkBy),
})
const pickled = (name: string) => write('training_args.bin', readFileSync(goldenPath(name)))

/** The file that each rule watches, damaged in a healthy checkpoint. */
export const FILES: { readonly [rule in RuleId]?: Mutation } = {
  'file/truncated': gpt2(cut('model.safetensors')),
  'file/empty': gpt2(write('model.safetensors', '')),
  'file/zeroed': gpt2(write('model.safetensors', new Uint8Array(4096))),
  'file/not-downloaded': gpt2(
    write('model.safetensors', 'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n'),
  ),
  'file/not-a-checkpoint': gpt2(write('model.safetensors', '<!doctype html><html><body>Sign in</body></html>')),
  'file/checksum': gpt2(flip('optimizer.pt')),
  'file/unreadable': gpt2(deadLink('tokenizer.json')),
  'file/changed': gpt2(touch('optimizer.pt'), { open: true }),
  'file/bad-header': tensors((header) => Object.assign(header['fc1.bias'] ?? {}, { dtype: 'F33' })),
  'file/overlap': tensors(overlap, 256),
  'file/odd-name': tensors((header) => rename(header, 'fc1.bias', 'fc1.\u001b[2Jbias')),
  'file/path-escape': gpt2(addRecord('scheduler.pt', '../../elsewhere')),
  'file/resource-bomb': gpt2(write('config.json', `${'['.repeat(1000)}${']'.repeat(1000)}`)),
  'file/unknown-format': gpt2(
    write(
      'scheduler.pt',
      Uint8Array.from({ length: 512 }, (_, i) => (i * 37 + 129) % 251),
    ),
  ),
  'pickle/dangerous': gpt2(pickled('hostile-os-system')),
  'pickle/malformed': gpt2(pickled('hostile-no-stop')),
  'pickle/not-weights-only': {
    of: 'torch-zoo-metadata',
    inside: 'data',
    damage: write('model.pt', readFileSync(goldenPath('torch-zoo-module'))),
  },
  'weights/missing': gpt2(remove('model.safetensors')),
  'weights/duplicate-copies': { of: 'accelerate-ddp2', damage: copy('model.safetensors', 'model_2.safetensors') },
  'weights/two-saves': {
    of: 'damaged-healthy-st',
    inside: 'data',
    first: copy('model.safetensors', 'model-00001-of-00001.safetensors'),
    damage: zeroed('model-00001-of-00001.safetensors', /embed/),
  },
  'weights/missing-shard': { of: 'sharded', damage: remove(/model-00002-of-/) },
  'weights/stale-index': { of: 'sharded', damage: weightMap('model.extra.bias', /model-00002-of-/) },
  'adapter/missing-config': { of: 'trainer-lora', damage: remove('adapter_config.json') },
  'adapter/missing-weights': { of: 'trainer-lora', damage: remove('adapter_model.safetensors') },
  'adapter/empty': { of: 'trainer-lora', damage: write('adapter_model.safetensors', '\u0002\0\0\0\0\0\0\0{}') },
  'adapter/rank-mismatch': { of: 'trainer-lora', damage: adapterConfig({ r: 8 }) },
  'adapter/target-mismatch': { of: 'trainer-lora', damage: adapterConfig({ target_modules: ['nothing_here'] }) },
  'adapter/untrained': { of: 'trainer-lora', damage: zeroed('adapter_model.safetensors', /lora_B/) },
  'config/missing': gpt2(remove('config.json')),
  'tokenizer/missing': gpt2(remove(/^tokenizer/)),
  'optimizer/missing': gpt2(remove('optimizer.pt')),
  'scheduler/missing': gpt2(remove('scheduler.pt')),
  'scaler/missing': gpt2(remove('scaler.pt'), { first: withHalfPrecision }),
  'sampler/missing': { of: 'accelerate-plain', first: withLoaders, damage: remove('dl_state_dict.bin') },
  'rng/missing': { of: 'accelerate-ddp2', damage: remove('random_states_1.pkl') },
  'trainer/missing': gpt2(remove('trainer_state.json')),
  'trainer/incomplete-save': gpt2(write('checkpoint-is-incomplete.txt', '')),
}

function remove(file: string | RegExp): Change {
  return (folder) => {
    for (const name of readdirSync(folder)) if (name.search(file) === 0) rmSync(join(folder, name))
  }
}

function write(file: string, contents: string | Uint8Array): Change {
  return (folder) => writeFileSync(join(folder, file), contents)
}

function cut(file: string): Change {
  return (folder) => truncateSync(join(folder, file), statSync(join(folder, file)).size - 1000)
}

function copy(from: string, to: string): Change {
  return (folder) => cpSync(join(folder, from), join(folder, to))
}

function deadLink(file: string): Change {
  return (folder) => {
    rmSync(join(folder, file))
    symlinkSync(join(folder, 'cleaned-away'), join(folder, file))
  }
}

function touch(file: string): Change {
  return (folder) => utimesSync(join(folder, file), 1, 1)
}

/** Another value in the middle of the file, where the data of a storage lies. */
function flip(file: string): Change {
  return (folder) => {
    const bytes = readFileSync(join(folder, file))
    const at = bytes.indexOf('data/0') + 200
    bytes[at] = (bytes[at] as number) ^ 0x10
    writeFileSync(join(folder, file), bytes)
  }
}

/** One more tensor in the index, in the first shard whose name fits. */
function weightMap(tensor: string, shard: RegExp): Change {
  return (folder) => {
    const path = join(folder, 'model.safetensors.index.json')
    const index = JSON.parse(readFileSync(path, 'utf8'))
    const shards: string[] = Object.values(index.weight_map)
    index.weight_map[tensor] = shards.find((name) => shard.test(name))
    writeFileSync(path, JSON.stringify(index))
  }
}

interface Entry {
  readonly dtype: string
  readonly shape: readonly number[]
  data_offsets: [number, number]
}
type Header = { [name: string]: Entry }

/** The file with another header; its data the same, but for `shrinkBy` bytes at its end. */
function rewriteHeader(file: string, change: (header: Header) => void, shrinkBy: number): Change {
  return (folder) => {
    const bytes = readFileSync(join(folder, file))
    const start = 8 + Number(bytes.readBigUInt64LE(0))
    const header = JSON.parse(bytes.toString('utf8', 8, start))
    change(header)
    const text = Buffer.from(JSON.stringify(header))
    const length = Buffer.alloc(8)
    length.writeBigUInt64LE(BigInt(text.length))
    writeFileSync(join(folder, file), Buffer.concat([length, text, bytes.subarray(start, bytes.length - shrinkBy)]))
  }
}

function rename(header: Header, from: string, to: string): void {
  header[to] = header[from] as Entry
  delete header[from]
}

/** The last tensor takes the place of another one of its size. */
function overlap(header: Header): void {
  const byPlace = Object.values(header)
    .filter((entry) => entry.data_offsets)
    .sort((a, b) => a.data_offsets[0] - b.data_offsets[0])
  const last = byPlace.at(-1) as Entry
  const size = last.data_offsets[1] - last.data_offsets[0]
  const [begin] = (byPlace[0] as Entry).data_offsets
  last.data_offsets = [begin, begin + size]
}

function adapterConfig(fields: object): Change {
  return (folder) => {
    const path = join(folder, 'adapter_config.json')
    writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), ...fields }))
  }
}

/** The tensors whose names fit, with nothing but zeros. */
function zeroed(file: string, names: RegExp): Change {
  return (folder) => {
    const bytes = readFileSync(join(folder, file))
    const start = 8 + Number(bytes.readBigUInt64LE(0))
    const header: Header = JSON.parse(bytes.toString('utf8', 8, start))
    for (const [name, { data_offsets: offsets }] of Object.entries(header)) {
      if (names.test(name)) bytes.fill(0, start + offsets[0], start + offsets[1])
    }
    writeFileSync(join(folder, file), bytes)
  }
}

function addRecord(file: string, name: string): Change {
  return (folder) => rewriteZip(join(folder, file), (records) => void records.push({ name, data: new Uint8Array(8) }))
}

/** As a Trainer with fp16=True leaves it. */
async function withHalfPrecision(folder: string): Promise<void> {
  await rewriteZip(join(folder, 'training_args.bin'), (records) => {
    const data = records.find(({ name }) => name.endsWith('data.pkl'))?.data as Uint8Array
    // A key, its number in the memo in one byte or in four, and NEWFALSE, which NEWTRUE takes the place of.
    const key = Buffer.from(data.buffer, data.byteOffset, data.length).indexOf('X\u0004\0\0\0fp16')
    data[key + (data[key + 9] === 0x71 ? 11 : 14)] = 0x88
  })
  cpSync(join(folder, 'scheduler.pt'), join(folder, 'scaler.pt'))
}

async function rewriteZip(path: string, change: (records: Member[]) => void): Promise<void> {
  const source = openFile(path)
  const archive = await openZip(source)
  const records: Member[] = []
  for (const entry of archive.entries) {
    const record = entrySource(archive, entry)
    records.push({ name: entry.name, data: await readBytes(record, 0, record.size) })
  }
  source.close()
  change(records)
  writeFileSync(path, makeZip(records))
}

/** As Accelerate with two stateful data loaders leaves it. */
function withLoaders(folder: string): void {
  for (const name of ['dl_state_dict.bin', 'dl_state_dict_1.bin']) {
    cpSync(join(folder, 'custom_checkpoint_0.pkl'), join(folder, name))
  }
}

import { type ByteSource, readBytes } from '../bytes/source'
import { DTYPES, type DType, itemSize } from '../checkpoint/dtype'
import { oddName } from '../decode/odd-name'
import { quote, Report } from '../decode/report'
import { type HeaderEntry, parseSafetensorsHeader } from '../decode/safetensors-header'
import { AssayError } from '../errors'
import type { Finding, RuleId } from '../finding'
import { duplicateDoubts, type EntryDoubt, overlapDoubts, sizeDoubt } from './safetensors-doubts'
import { headerOfOtherLength, type RecoveredHeader, readableEntries } from './safetensors-recovery'

export interface SafetensorsEntry {
  readonly name: string
  readonly dtype: DType
  /** As torch has it: the last dimension of an `F4` tensor is half of what the header says. */
  readonly shape: readonly number[]
  /** Bytes [begin, end) relative to `dataOffset`. `end` may lie beyond a truncated file. */
  readonly begin: number
  readonly end: number
  /** Set where the header contradicts itself about it. */
  readonly doubt?: EntryDoubt
}

export interface SafetensorsFile {
  /** Bytes of JSON. */
  readonly headerLength: number
  /** Byte offset in the file that `begin` and `end` count from: 8 + headerLength. */
  readonly dataOffset: number
  /** In file order. Without those whose place, shape or dtype makes no sense: they are findings, and so is what is in doubt. */
  readonly entries: SafetensorsEntry[]
  readonly metadata: Record<string, string>
  readonly findings: Finding[]
}

/** The reference reader refuses longer headers (safetensors 0.8.0, MAX_HEADER_SIZE). */
const LONGEST_FOR_READERS = 100_000_000
/** Places of one name that are offered; more are no slip. */
const MOST_CLAIMS = 8
/** Two million tensors. A longer header is no header. */
const LONGEST = 2 ** 28

const BY_NAME = new Map<string, DType>()
for (const [dtype, { safetensors }] of Object.entries(DTYPES)) {
  if (safetensors) BY_NAME.set(safetensors, dtype as DType)
}
/** Bits of the types that the format has and torch has not (safetensors 0.8.0). */
const WITHOUT_TORCH = new Map([
  ['F6_E2M3', 6],
  ['F6_E3M2', 6],
])

/**
 * Reads the header of a safetensors file, 8 bytes of length and the JSON, and nothing of the data. All that the reference
 * reader refuses (hf safetensors 0.8.0, `Metadata::validate`) is told: in `findings` while the tensors can still be listed,
 * else as AssayError `file/empty`, `file/truncated` (the header itself is cut), `file/bad-header` or `file/resource-bomb`.
 */
export async function readSafetensors(source: ByteSource): Promise<SafetensorsFile> {
  const report = new Report()
  const { entries: listed, metadata, dataOffset } = await readHeader(source, report)
  const headerLength = dataOffset - 8
  if (headerLength > LONGEST_FOR_READERS) {
    report.add('long', 'file/bad-header', source.name, `The header has ${headerLength} bytes; readers take 100,000,000`)
  }
  const placed = listed.filter((entry) => isPlaced(entry, report))
  const { unique, repeated } = withoutDuplicates(placed, report)
  sortByPlace(unique)
  const available = source.size - dataOffset
  checkCoverage(unique, source, dataOffset, report)
  const entries: SafetensorsEntry[] = []
  for (const [i, raw] of unique.entries()) {
    const odd = oddName(raw.name)
    if (odd) report.add('odd', 'file/odd-name', raw.name, `The name ${quote(raw.name)} ${odd}`)
    const entry = typed(raw, report, unique[i + 1]?.begin ?? available)
    if (entry) entries.push(entry)
  }
  const overlaps = overlapDoubts(entries, available)
  const claims = entries.flatMap((entry) => {
    const others = repeated.get(entry.name)?.flatMap((raw) => typed(raw, new Report(), available) ?? [])
    return others ? [[entry, [entry, ...others]] as const] : []
  })
  const duplicates = duplicateDoubts(new Map(claims), entries)
  return {
    headerLength,
    dataOffset,
    entries: entries.map((entry) => {
      const doubt = duplicates.get(entry) ?? entry.doubt ?? overlaps.get(entry)
      return doubt ? { ...entry, doubt } : entry
    }),
    metadata,
    findings: report.findings(source.name),
  }
}

type Header = Pick<RecoveredHeader, 'entries' | 'metadata' | 'dataOffset'>

/** The header, also where its length or a part of its text is wrong and it can be found all the same: that is reported. */
async function readHeader(source: ByteSource, report: Report): Promise<Header> {
  const claimed = await claimedLength(source)
  let header: Header
  try {
    header = await headerAsClaimed(source, claimed, report)
  } catch (error) {
    if (!(error instanceof AssayError) || (error.code !== 'file/bad-header' && error.code !== 'file/truncated'))
      throw error
    const found = (await headerOfOtherLength(source, claimed)) ?? (await readableEntries(source, Number(claimed)))
    if (!found) throw error
    return reported(found, claimed, source, report)
  }
  const end = header.entries.reduce((last, entry) => Math.max(last, entry.end), 0)
  if (end === source.size - header.dataOffset) return header
  const other = await headerOfOtherLength(source, claimed)
  return other ? reported(other, claimed, source, report) : header
}

function reported(found: RecoveredHeader, claimed: bigint, { name }: ByteSource, report: Report): Header {
  const evidence = { claimed: String(claimed), header: found.dataOffset - 8, read: found.entries.length }
  report.add('length', 'file/bad-header', name, found.message, evidence)
  return found
}

async function claimedLength(source: ByteSource): Promise<bigint> {
  const { name, size } = source
  if (size === 0) throw new AssayError('file/empty', `${name} has no bytes`, { file: name })
  if (size < 8)
    throw new AssayError('file/truncated', `${name} has ${size} bytes, too few for any header`, { file: name })
  return new DataView((await readBytes(source, 0, 8)).buffer).getBigUint64(0, true)
}

async function headerAsClaimed(source: ByteSource, claimed: bigint, report: Report): Promise<Header> {
  const { name, size } = source
  if (claimed > BigInt(Math.min(size - 8, LONGEST))) throw await impossibleLength(source, claimed)
  const length = Number(claimed)
  const header = parseSafetensorsHeader(await readBytes(source, 8, length), name, report)
  return { ...header, dataOffset: 8 + length }
}

async function impossibleLength(source: ByteSource, claimed: bigint): Promise<AssayError> {
  const { name, size } = source
  // A cut header still begins as JSON; where it does not, the length is a lie.
  const cut = claimed <= BigInt(LONGEST) && (size === 8 || (await readBytes(source, 8, 1))[0] === 0x7b)
  if (cut) {
    return new AssayError('file/truncated', `${name} ends inside its header: ${claimed} bytes of it, got ${size - 8}`, {
      file: name,
      offset: size,
      hint: 'Download or copy the file again.',
    })
  }
  const why = claimed <= BigInt(size - 8) ? '' : `, but has only ${size}`
  const code = why === '' ? 'file/resource-bomb' : 'file/bad-header'
  return new AssayError(code, `${name} claims a header of ${claimed} bytes${why}`, { file: name, offset: 0 })
}

/** Whether the entry lies somewhere at all. Numbers that are none, or run backwards, are reported. */
function isPlaced(entry: HeaderEntry, report: Report): boolean {
  const { name, begin, end } = entry
  if (isCount(begin) && isCount(end) && begin <= end) return true
  report.add('place', 'file/bad-header', name, `${quote(name)} claims the impossible place [${begin}, ${end}]`, {
    begin: String(begin),
    end: String(end),
  })
  return false
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0
}

/** The first entry of each name, and by name what others follow. `JSON.parse` would keep the last and say nothing. */
function withoutDuplicates(
  entries: HeaderEntry[],
  report: Report,
): { unique: HeaderEntry[]; repeated: Map<string, HeaderEntry[]> } {
  const names = new Set<string>()
  const repeated = new Map<string, HeaderEntry[]>()
  const unique = entries.filter((entry) => {
    if (names.size < names.add(entry.name).size) return true
    const { name, begin, end, shape } = entry
    const message = `${quote(name)} is named twice; its second place [${begin}, ${end}] is ignored`
    report.add('twice', 'file/bad-header', name, message, { begin, end, shape })
    const others = repeated.get(name)
    if (!others) repeated.set(name, [entry])
    else if (others.length < MOST_CLAIMS) others.push(entry)
    return false
  })
  return { unique, repeated }
}

function sortByPlace(entries: HeaderEntry[]): void {
  const order = (a: HeaderEntry, b: HeaderEntry) => a.begin - b.begin || a.end - b.end
  const sorted = entries.every((entry, i) => i === 0 || order(entries[i - 1] as HeaderEntry, entry) <= 0)
  if (!sorted) entries.sort(order)
}

/** Tensors must fill the data without holes, overlaps or rest. */
function checkCoverage(entries: HeaderEntry[], source: ByteSource, dataOffset: number, report: Report): void {
  const available = source.size - dataOffset
  let end = 0
  let before = ''
  let cut: HeaderEntry | undefined
  let cutCount = 0
  for (const entry of entries) {
    const { name, begin } = entry
    if (begin > end) {
      const message = `${begin - end} bytes before ${quote(name)} belong to no tensor; readers refuse the file`
      report.add('hole', 'file/bad-header', name, message, { from: end, to: begin })
    } else if (begin < end) {
      const shared = Math.min(end, entry.end) - begin
      const message =
        shared > 0
          ? `${quote(name)} and ${quote(before)} share ${shared} bytes`
          : `${quote(name)} is empty and lies inside ${quote(before)}; readers refuse the file`
      report.add('overlap', shared > 0 ? 'file/overlap' : 'file/bad-header', name, message, {
        with: before,
        from: begin,
        to: begin + shared,
      })
    }
    if (entry.end > available) {
      cut ??= entry
      cutCount++
    }
    if (entry.end >= end) {
      end = entry.end
      before = name
    }
  }
  if (cut) {
    const message = `The file has ${available} of ${end} bytes of data: ${cutCount} of ${entries.length} tensors are cut or gone`
    report.add('cut', 'file/truncated', source.name, message, {
      expected: dataOffset + end,
      got: source.size,
      firstCut: cut.name,
      cut: cutCount,
      whole: entries.length - cutCount,
    })
  } else if (end < available) {
    const message = `${available - end} bytes follow the last tensor; readers refuse the file`
    report.add('rest', 'file/bad-header', source.name, message, { expected: dataOffset + end, got: source.size })
  }
}

/**
 * The entry with its dtype. Where shape and bytes do not fit together, a finding, and the entry as the values that its bytes are, the
 * next of which begins at `next`; undefined and a finding where it means nothing.
 */
function typed(raw: HeaderEntry, report: Report, next: number): SafetensorsEntry | undefined {
  const { name, begin, end, shape } = raw
  const refuse = (kind: string, rule: RuleId, why: string): undefined => {
    report.add(kind, rule, name, `${quote(name)} ${why}`, { dtype: raw.dtype, shape, begin, end })
  }
  const dtype = BY_NAME.get(raw.dtype)
  const bits = dtype ? (raw.dtype === 'F4' ? 4 : itemSize(dtype) * 8) : WITHOUT_TORCH.get(raw.dtype)
  if (bits === undefined) return refuse('dtype', 'file/bad-header', `has the unknown dtype ${quote(raw.dtype)}`)
  const elements = countElements(shape)
  if (elements * bits !== (end - begin) * 8) {
    const expected = Number.isNaN(elements) ? 'an impossible number of' : Math.ceil((elements * bits) / 8)
    const why = `is ${raw.dtype} [${shape.join(', ')}], which takes ${expected} bytes, and has ${end - begin}`
    refuse('shape', 'file/bad-header', why)
    if (!dtype || begin === end || (end - begin) % itemSize(dtype) !== 0) return undefined
    const flat = { name, dtype, shape: [(end - begin) / itemSize(dtype)], begin, end }
    return { ...flat, doubt: sizeDoubt(flat, shape, (elements * bits) / 8, next) }
  }
  if (!dtype) return refuse('six', 'file/unknown-format', `is ${raw.dtype}, which neither torch nor Assay reads`)
  if (raw.dtype !== 'F4') return { name, dtype, shape, begin, end }
  const last = shape.at(-1) ?? 1
  if (last % 2 === 1)
    return refuse('half', 'file/bad-header', 'has an odd number of 4-bit values in its last dimension')
  return { name, dtype, shape: [...shape.slice(0, -1), last / 2], begin, end }
}

/** Product of the dimensions, NaN where one is no count or the product leaves what a reader can hold, as [2^40, 2^40, 0]. */
function countElements(shape: readonly number[]): number {
  let product = 1
  for (const dimension of shape) {
    product = isCount(dimension) ? product * dimension : Number.NaN
    if (product > Number.MAX_SAFE_INTEGER) return Number.NaN
  }
  return product
}

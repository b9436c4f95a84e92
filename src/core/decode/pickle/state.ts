import { AssayError } from '../../errors'
import { type GlobalUse, type GlobalVerdict, verdictOf } from './globals'
import { Memo } from './memo'
import type { OpcodeName } from './opcodes'
import { PyGlobal, type PyObject, type PyPersistent, type PyValue } from './value'
import { containerOf, type PyContainer } from './walk'

/** Functions judged call by call (see `observeCall`); dangerous unless every use was approved. */
const VETTED = new Set(['builtins.getattr', 'torch.storage._load_from_bytes'])

/** Estimated bytes of memory that one pickle may take when decoded, unless its reader knows better. */
const MEMORY_LIMIT = 512 * 1024 * 1024
/** Values on the stack, and marks open, at once. */
const STACK_LIMIT = 1 << 24
/** Marks open at once beyond which no writer made the file (Python's own pickler stops near 1000 levels). */
const MARK_DEPTH = 2000

/** Different globals in one pickle, and as many dangerous ones beyond them. Whole models name some hundreds. */
const GLOBAL_LIMIT = 100_000

interface NamedGlobal {
  readonly value: PyGlobal
  readonly offset: number
  verdict: GlobalVerdict
}

/**
 * Stack, memo and findings of one pickle while it is decoded.
 *
 * What would stop Python stops us (`fail`). What Python may survive is noted and decoding goes on (`trouble`), so that no
 * quirk hides a global that comes after it.
 */
export class PickleState {
  /** The current opcode's argument: its number, or the bytes [start, end) of its data or line. */
  argument = 0
  start = 0
  end = 0
  /** INST and GLOBAL have a second line. */
  secondStart = 0
  secondEnd = 0
  /** Offset of the current opcode. */
  at = 0
  protocol = 0
  error: AssayError | undefined
  refusedOpcode: OpcodeName | undefined
  /** Something was called, made or changed. */
  acts = false
  /** The bytes ended before the pickle did. */
  short = false
  /** Byte strings that begin like a pickle, or that something would unpickle, with the offset of their opcode. */
  readonly embedded = new Map<Uint8Array, { readonly offset: number; readonly loaded: boolean }>()
  /** Containers that more than one reference may lead to. All others hang in one place. */
  readonly shared = new Set<PyContainer>()
  readonly memo: Memo

  private readonly stack: PyValue[] = []
  private readonly marks: number[] = []
  private fence = 0
  private memory = 0
  private readonly named = new Map<string, NamedGlobal>()
  /** Per vetted function: how often its value came onto the stack, less the calls found harmless. */
  private readonly unvetted = new Map<PyGlobal, number>()

  constructor(
    readonly bytes: Uint8Array,
    private readonly name: string,
    private readonly base: number,
    private readonly limit = MEMORY_LIMIT,
    asked?: (index: number) => boolean,
    /** Told of every object when its state has been set. */
    readonly onBuilt?: (object: PyObject) => void,
  ) {
    this.memo = new Memo(asked)
  }

  push(value: PyValue): void {
    if (this.stack.length >= STACK_LIMIT) this.explode(`puts more than ${STACK_LIMIT} values on its stack`)
    this.stack.push(value)
  }

  /** Pushes a value that already exists, so that functions whose every use is vetted are counted. */
  pushAgain(value: PyValue): void {
    if (value instanceof PyGlobal) {
      if (this.unvetted.has(value)) this.countVetted(value, 1)
    } else {
      const container = containerOf(value)
      if (container !== undefined && !this.shared.has(container)) {
        this.charge(48)
        this.shared.add(container)
      }
    }
    this.push(value)
  }

  pop(): PyValue {
    if (this.stack.length <= this.fence) this.fail('takes a value from an empty stack')
    return this.stack.pop() as PyValue
  }

  /** The value on top, left where it is. */
  peek(): PyValue {
    if (this.stack.length <= this.fence) this.fail('needs a value on the stack, which is empty')
    return this.stack[this.stack.length - 1] as PyValue
  }

  mark(): void {
    if (this.marks.length >= STACK_LIMIT) this.explode(`opens more than ${STACK_LIMIT} marks`)
    if (this.marks.length === MARK_DEPTH)
      this.note('file/resource-bomb', `opens more than ${MARK_DEPTH} marks in one another`)
    this.fence = this.stack.length
    this.marks.push(this.fence)
  }

  /** Everything since the last mark, which goes too. */
  popMark(): PyValue[] {
    const from = this.marks.pop()
    if (from === undefined) this.fail('looks for a mark and there is none')
    this.fence = this.marks[this.marks.length - 1] ?? 0
    return this.stack.splice(from as number)
  }

  /** POP: drops the top value, or the mark when nothing was pushed since. */
  drop(): void {
    if (this.marks.length > 0 && this.marks[this.marks.length - 1] === this.stack.length) this.popMark()
    else this.pop()
  }

  /** Values and marks left below the result once it has been taken. */
  get leftovers(): number {
    return this.stack.length + this.marks.length
  }

  remember(index: number): void {
    const value = this.peek()
    this.charge(16)
    this.memo.set(index, value)
  }

  recall(index: number): void {
    const value = this.memo.get(index)
    if (value === undefined) {
      this.trouble(`asks for memo entry ${index}, which was never stored`)
      this.push(null)
    } else this.pushAgain(value)
  }

  /** Counts memory about to be taken. Throws `file/resource-bomb` beyond the limit. */
  charge(bytes: number): void {
    this.memory += bytes
    if (this.memory > this.limit)
      this.explode(`would take more than ${this.limit / 2 ** 20} MiB of memory when decoded`)
  }

  /** The global `module.name`, noted where it is met first. One object for each name. */
  global(module: string, name: string, verdict: GlobalVerdict = verdictOf(module, name)): PyGlobal {
    const key = `${module}\0${name}`
    let known = this.named.get(key)
    if (known === undefined) {
      this.charge(256)
      if (this.named.size >= GLOBAL_LIMIT) {
        this.note('file/resource-bomb', `names more than ${GLOBAL_LIMIT} globals`)
        if (verdict !== 'dangerous' || this.named.size >= 2 * GLOBAL_LIMIT) return new PyGlobal(module, name)
      }
      known = { value: new PyGlobal(module, name), offset: this.at, verdict }
      this.named.set(key, known)
      if (VETTED.has(known.value.path)) this.unvetted.set(known.value, 0)
    }
    if (this.unvetted.has(known.value)) this.countVetted(known.value, 1)
    return known.value
  }

  /** Notes bytes that may be a pickle; `loaded` when something would unpickle them for certain. Each array counts once. */
  embed(bytes: Uint8Array, loaded: boolean): void {
    if (loaded || !this.embedded.has(bytes)) this.embedded.set(bytes, { offset: this.base + this.at, loaded })
  }

  /** One call of a vetted function was harmless. */
  approve(value: PyGlobal): void {
    this.countVetted(value, -1)
  }

  isVetted(value: PyValue): value is PyGlobal {
    return value instanceof PyGlobal && this.unvetted.has(value)
  }

  /** Something is done to this global that no library does: its own contents would be changed. */
  condemn(value: PyGlobal): void {
    this.acts = true
    this.unvetted.delete(value)
    const known = this.named.get(`${value.module}\0${value.name}`)
    if (known !== undefined) known.verdict = 'dangerous'
  }

  get globals(): GlobalUse[] {
    return Array.from(this.named.values(), ({ value, offset, verdict }) => ({
      module: value.module,
      name: value.name,
      verdict: this.unvetted.get(value) === 0 ? 'safe' : verdict,
      offset: this.base + offset,
    }))
  }

  /** Python would stop here, so do we. */
  fail(what: string): never {
    throw this.problem('pickle/malformed', what)
  }

  /** Python might not stop here: the first such trouble becomes the error, decoding goes on. */
  trouble(what: string): void {
    this.note('pickle/malformed', what)
  }

  /** `fail`, where more bytes might have helped. */
  runOut(what: string): never {
    this.short = true
    return this.fail(what)
  }

  explode(what: string): never {
    throw this.problem('file/resource-bomb', what)
  }

  note(code: 'pickle/malformed' | 'file/resource-bomb', what: string): void {
    this.error ??= this.problem(code, what)
  }

  private problem(code: string, what: string): AssayError {
    const offset = this.base + this.at
    return new AssayError(code, `${this.name}: the pickle ${what} (byte ${offset})`, {
      file: this.name,
      offset,
      hint: 'The file was damaged or was not written by a pickler; take it from another copy',
    })
  }

  private countVetted(value: PyGlobal, by: number): void {
    this.unvetted.set(value, (this.unvetted.get(value) ?? 0) + by)
  }
}

/** Whether a persistent id is one torch writes: a tuple that says its kind, or the number or digits of the oldest files. */
export function isTorchPersistent(value: PyPersistent): boolean {
  const id = value.id
  if (typeof id === 'number') return true
  if (typeof id === 'string') return /^\d+$/.test(id)
  return id !== null && typeof id === 'object' && id.kind === 'tuple' && typeof id.items[0] === 'string'
}

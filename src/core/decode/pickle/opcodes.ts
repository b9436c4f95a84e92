/**
 * How the bytes after an opcode are laid out. Integers are little endian, `f64be` is the one big-endian field.
 * `counted`: a length of that type, then so many bytes. `line`: text up to a newline. `lines2`: two of them.
 */
export type ArgumentKind =
  | 'none'
  | 'u8'
  | 'u16'
  | 'i32'
  | 'u32'
  | 'u64'
  | 'f64be'
  | 'line'
  | 'lines2'
  | 'counted-u8'
  | 'counted-i32'
  | 'counted-u32'
  | 'counted-u64'

/** The opcodes of protocols 0 to 5: code, name, protocol that brought it, argument. Source: CPython 3.12, Lib/pickletools.py. */
const TABLE = [
  [0x49, 'INT', 0, 'line'],
  [0x4a, 'BININT', 1, 'i32'],
  [0x4b, 'BININT1', 1, 'u8'],
  [0x4d, 'BININT2', 1, 'u16'],
  [0x4c, 'LONG', 0, 'line'],
  [0x8a, 'LONG1', 2, 'counted-u8'],
  [0x8b, 'LONG4', 2, 'counted-i32'],
  [0x53, 'STRING', 0, 'line'],
  [0x54, 'BINSTRING', 1, 'counted-i32'],
  [0x55, 'SHORT_BINSTRING', 1, 'counted-u8'],
  [0x42, 'BINBYTES', 3, 'counted-u32'],
  [0x43, 'SHORT_BINBYTES', 3, 'counted-u8'],
  [0x8e, 'BINBYTES8', 4, 'counted-u64'],
  [0x96, 'BYTEARRAY8', 5, 'counted-u64'],
  [0x97, 'NEXT_BUFFER', 5, 'none'],
  [0x98, 'READONLY_BUFFER', 5, 'none'],
  [0x4e, 'NONE', 0, 'none'],
  [0x88, 'NEWTRUE', 2, 'none'],
  [0x89, 'NEWFALSE', 2, 'none'],
  [0x56, 'UNICODE', 0, 'line'],
  [0x8c, 'SHORT_BINUNICODE', 4, 'counted-u8'],
  [0x58, 'BINUNICODE', 1, 'counted-u32'],
  [0x8d, 'BINUNICODE8', 4, 'counted-u64'],
  [0x46, 'FLOAT', 0, 'line'],
  [0x47, 'BINFLOAT', 1, 'f64be'],
  [0x5d, 'EMPTY_LIST', 1, 'none'],
  [0x61, 'APPEND', 0, 'none'],
  [0x65, 'APPENDS', 1, 'none'],
  [0x6c, 'LIST', 0, 'none'],
  [0x29, 'EMPTY_TUPLE', 1, 'none'],
  [0x74, 'TUPLE', 0, 'none'],
  [0x85, 'TUPLE1', 2, 'none'],
  [0x86, 'TUPLE2', 2, 'none'],
  [0x87, 'TUPLE3', 2, 'none'],
  [0x7d, 'EMPTY_DICT', 1, 'none'],
  [0x64, 'DICT', 0, 'none'],
  [0x73, 'SETITEM', 0, 'none'],
  [0x75, 'SETITEMS', 1, 'none'],
  [0x8f, 'EMPTY_SET', 4, 'none'],
  [0x90, 'ADDITEMS', 4, 'none'],
  [0x91, 'FROZENSET', 4, 'none'],
  [0x30, 'POP', 0, 'none'],
  [0x32, 'DUP', 0, 'none'],
  [0x28, 'MARK', 0, 'none'],
  [0x31, 'POP_MARK', 1, 'none'],
  [0x67, 'GET', 0, 'line'],
  [0x68, 'BINGET', 1, 'u8'],
  [0x6a, 'LONG_BINGET', 1, 'u32'],
  [0x70, 'PUT', 0, 'line'],
  [0x71, 'BINPUT', 1, 'u8'],
  [0x72, 'LONG_BINPUT', 1, 'u32'],
  [0x94, 'MEMOIZE', 4, 'none'],
  [0x82, 'EXT1', 2, 'u8'],
  [0x83, 'EXT2', 2, 'u16'],
  [0x84, 'EXT4', 2, 'i32'],
  [0x63, 'GLOBAL', 0, 'lines2'],
  [0x93, 'STACK_GLOBAL', 4, 'none'],
  [0x52, 'REDUCE', 0, 'none'],
  [0x62, 'BUILD', 0, 'none'],
  [0x69, 'INST', 0, 'lines2'],
  [0x6f, 'OBJ', 1, 'none'],
  [0x81, 'NEWOBJ', 2, 'none'],
  [0x92, 'NEWOBJ_EX', 4, 'none'],
  [0x80, 'PROTO', 2, 'u8'],
  [0x2e, 'STOP', 0, 'none'],
  [0x95, 'FRAME', 4, 'u64'],
  [0x50, 'PERSID', 0, 'line'],
  [0x51, 'BINPERSID', 1, 'none'],
] as const satisfies readonly (readonly [number, string, number, ArgumentKind])[]

export type OpcodeName = (typeof TABLE)[number][1]

export interface Opcode {
  readonly code: number
  readonly name: OpcodeName
  /** Protocol that introduced it. */
  readonly protocol: number
  readonly argument: ArgumentKind
}

/**
 * Opcodes that `torch.load(weights_only=True)` does not know and stops at. Source: torch 2.13,
 * torch/_weights_only_unpickler.py (`Unpickler.load`).
 */
export const REFUSED_BY_WEIGHTS_ONLY: ReadonlySet<OpcodeName> = new Set<OpcodeName>([
  'INT',
  'LONG',
  'LONG4',
  'STRING',
  'BINSTRING',
  'BINBYTES',
  'SHORT_BINBYTES',
  'BINBYTES8',
  'BYTEARRAY8',
  'NEXT_BUFFER',
  'READONLY_BUFFER',
  'UNICODE',
  'SHORT_BINUNICODE',
  'BINUNICODE8',
  'FLOAT',
  'LIST',
  'DICT',
  'ADDITEMS',
  'FROZENSET',
  'POP',
  'DUP',
  'POP_MARK',
  'GET',
  'PUT',
  'MEMOIZE',
  'EXT1',
  'EXT2',
  'EXT4',
  'STACK_GLOBAL',
  'INST',
  'OBJ',
  'NEWOBJ_EX',
  'FRAME',
  'PERSID',
])

/** The 68 opcodes, in the order of pickletools. */
export const OPCODES: readonly Opcode[] = TABLE.map(([code, name, protocol, argument]) => ({
  code,
  name,
  protocol,
  argument,
}))

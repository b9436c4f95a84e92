import { isDangerous } from './dangerous'
import { isKnownSafe, WEIGHTS_ONLY } from './safe'

export type GlobalVerdict = 'safe' | 'unknown' | 'dangerous'

/** One class or function that unpickling would import. */
export interface GlobalUse {
  readonly module: string
  readonly name: string
  readonly verdict: GlobalVerdict
  /** Byte offset, in the file, of the opcode that names it first. */
  readonly offset: number
}

/**
 * Whether the use is dangerous by a name that stands in the file. Bytes that are no pickle may hold the code of an
 * extension by chance; they do not spell `os.system`.
 */
export function isNamedDanger({ module, name, verdict }: GlobalUse): boolean {
  return verdict === 'dangerous' && verdictOf(module, name) === 'dangerous'
}

/**
 * What unpickling `module.name` can do, judged by the name alone. `safe`: builds data, whatever its arguments. `dangerous`:
 * runs commands or code, touches files or the network, or reaches things that do. `unknown`: in neither list, and importing
 * its module runs that module. Python 2's names mean their Python 3 successors, as the unpickler maps them.
 */
export function verdictOf(module: string, name: string): GlobalVerdict {
  const path = canonicalPath(module, name)
  if (isKnownSafe(path)) return 'safe'
  return isDangerous(path) ? 'dangerous' : 'unknown'
}

/** Whether `torch.load(weights_only=True)` of torch 2.13 accepts the global without `add_safe_globals`. */
export function allowedByWeightsOnly(module: string, name: string): boolean {
  return WEIGHTS_ONLY.has(canonicalPath(module, name))
}

/**
 * Python 2 modules and names as Python 3 has them. Source: CPython 3.12, Lib/_compat_pickle.py, as far as the new spelling is
 * judged; torch 2.13 (torch/_utils.py) maps the same.
 */
const MODULES = new Map([
  ['__builtin__', 'builtins'],
  ['copy_reg', 'copyreg'],
  ['cPickle', 'pickle'],
  ['_winreg', 'winreg'],
  ['commands', 'subprocess'],
  ['urllib2', 'urllib.request'],
  ['httplib', 'http.client'],
  ['xmlrpclib', 'xmlrpc.client'],
  ['SimpleXMLRPCServer', 'xmlrpc.server'],
  ['BaseHTTPServer', 'http.server'],
  ['CGIHTTPServer', 'http.server'],
  ['SimpleHTTPServer', 'http.server'],
  ['SocketServer', 'socketserver'],
  ['_socket', 'socket'],
  ['_multiprocessing', 'multiprocessing'],
  ['thread', '_thread'],
  ['dummy_thread', '_thread'],
  ['anydbm', 'dbm'],
  ['whichdb', 'dbm'],
  ['dbhash', 'dbm'],
  ['dumbdbm', 'dbm.dumb'],
  ['gdbm', 'dbm.gnu'],
  ['StringIO', 'io'],
  ['cStringIO', 'io'],
  ['Queue', 'queue'],
  ['UserDict', 'collections'],
  ['UserList', 'collections'],
  ['UserString', 'collections'],
])

const NAMES = new Map([
  ['__builtin__.xrange', 'builtins.range'],
  ['__builtin__.reduce', 'functools.reduce'],
  ['__builtin__.intern', 'sys.intern'],
  ['__builtin__.unichr', 'builtins.chr'],
  ['__builtin__.unicode', 'builtins.str'],
  ['__builtin__.long', 'builtins.int'],
  ['__builtin__.basestring', 'builtins.str'],
  ['itertools.izip', 'builtins.zip'],
  ['itertools.imap', 'builtins.map'],
  ['itertools.ifilter', 'builtins.filter'],
])

/** `module.name` as Python 3 spells it, and as messages of torch do. */
export function canonicalPath(module: string, name: string): string {
  return NAMES.get(`${module}.${name}`) ?? `${MODULES.get(module) ?? module}.${name}`
}

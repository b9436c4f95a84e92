import { describe, expect, it } from 'vitest'
import { allowedByWeightsOnly, verdictOf } from '../../../../src/core/decode/pickle/globals'
import { decodePickle } from '../../../../src/core/decode/pickle/machine'
import { global, little, type Part, pickle, raw, text } from './assemble'

/** `os.system(...)` in protocol 0. */
const HOSTILE = raw("cos\nsystem\n(S'true'\ntR.")

function verdicts(...parts: Part[]): Record<string, string> {
  const { globals } = decodePickle(pickle(...parts))
  return Object.fromEntries(globals.map(({ module, name, verdict }) => [`${module}.${name}`, verdict]))
}

describe('names', () => {
  it.each([
    'torch._utils._rebuild_tensor_v2',
    'torch.FloatStorage',
    'torch.cuda.HalfStorage',
    'torch.float8_e4m3fn',
    'collections.OrderedDict',
    '__builtin__.set',
    'builtins.dict',
    'copy_reg._reconstructor',
    'numpy.core.multiarray._reconstruct',
    'numpy._core.multiarray.scalar',
    'numpy.random._pickle.__randomstate_ctor',
    'omegaconf.dictconfig.DictConfig',
    'argparse.Namespace',
    'pathlib.PosixPath',
    'transformers.training_args.TrainingArguments',
    'torch.nn.modules.linear.Linear',
    'torch.optim.adamw.AdamW',
    'torch.distributed.checkpoint.metadata.TensorStorageMetadata',
  ])('%s is safe', (path) => expect(verdictOf(...split(path))).toBe('safe'))

  it.each([
    '__main__.LocalNet',
    'mymodel.layers.Attention',
    'functools.partial',
    'ultralytics.nn.tasks.DetectionModel',
    'torch._dynamo.eval_frame.OptimizedModule',
    '__torch__.torch.nn.modules.linear.Linear',
    'my_os.Config',
    'project.code.Net',
  ])('%s is unknown', (path) => expect(verdictOf(...split(path))).toBe('unknown'))

  it.each([
    'os.system',
    'posix.system',
    'nt.system',
    'subprocess.Popen',
    'builtins.eval',
    '__builtin__.eval',
    '__builtin__.execfile',
    'builtins.__import__',
    'builtins.getattr',
    'sys.modules',
    'importlib.import_module',
    'runpy.run_path',
    'pickle.loads',
    'cPickle.loads',
    '_pickle.Unpickler',
    'commands.getoutput',
    'httplib.HTTPSConnection',
    'urllib2.urlopen',
    'thread.start_new_thread',
    'webbrowser.open',
    'pty.spawn',
    'io.open',
    '_io.FileIO',
    'operator.attrgetter',
    '_operator.methodcaller',
    'types.FunctionType',
    'torch.load',
    'torch.serialization.load',
    'torch.hub.load',
    'torch.hub.load_state_dict_from_url',
    'torch.jit.load',
    'torch.ops.load_library',
    'torch.fx.graph_module.reduce_graph_module',
    'torch.utils.cpp_extension.load_inline',
    'torch.storage.UntypedStorage.from_file',
    'numpy.load',
    'numpy.f2py.crackfortran.getlincoef',
    'numpy.testing._private.utils.runstring',
    'pandas.read_pickle',
    'joblib.load',
    'transformers.models.auto.modeling_auto.AutoModel.from_pretrained',
    'pathlib.Path.write_text',
    'logging.os.system',
    'logging.os',
    'six.moves.builtins.eval',
    'somelib.compat._os.popen',
    'collections.OrderedDict.__init__.__globals__',
    'torch.nn.Module.__class__.__subclasses__',
    'anything.at.all.system',
    'torch._utils._import_dotted_name',
    'torch.distributed.tensor.__builtins__',
    'torch.distributed.checkpoint.metadata.os',
    'numpy.loads',
    'hydra.utils.instantiate',
  ])('%s is dangerous', (path) => expect(verdictOf(...split(path))).toBe('dangerous'))

  it('are judged alike wherever the module ends and the name begins', () => {
    expect(verdictOf('torch', 'hub.load')).toBe('dangerous')
    expect(verdictOf('logging', 'os.system')).toBe('dangerous')
  })
})

describe('weights_only', () => {
  it.each([
    'torch._utils._rebuild_tensor_v2',
    '__builtin__.set',
    'collections.Counter',
    'torch.uint7',
    '_codecs.encode',
  ])('accepts %s', (path) => expect(allowedByWeightsOnly(...split(path))).toBe(true))
  it.each(['builtins.dict', 'numpy.dtype', 'argparse.Namespace', 'torch.nn.modules.linear.Linear', 'os.system'])(
    'refuses %s',
    (path) => expect(allowedByWeightsOnly(...split(path))).toBe(false),
  )
})

describe('uses', () => {
  it('of an extension code are dangerous: nothing tells what it is', () => {
    expect(verdicts('EXT1', 1, 'STOP')).toEqual({ 'copyreg.ext:1': 'dangerous' })
  })

  it('of a name that a call computes are dangerous', () => {
    const computed: Part[] = [global('builtins', 'str'), text('os'), 'TUPLE1', 'REDUCE']
    expect(verdicts(...computed, text('system'), 'STACK_GLOBAL', 'STOP')).toMatchObject({
      '(computed).system': 'dangerous',
    })
  })

  it('of getattr are harmless where they name a nested class', () => {
    const nested: Part[] = [
      global('__builtin__', 'getattr'),
      global('mylib', 'Outer'),
      text('Inner'),
      'TUPLE2',
      'REDUCE',
    ]
    expect(verdicts(...nested, 'STOP')).toEqual({
      '__builtin__.getattr': 'safe',
      'mylib.Outer': 'unknown',
      'mylib.Outer.Inner': 'unknown',
    })
    const twice: Part[] = [global('builtins', 'getattr'), ...nested, text('Innermost'), 'TUPLE2', 'REDUCE']
    expect(verdicts(...twice, 'STOP')).toMatchObject({
      'builtins.getattr': 'safe',
      '__builtin__.getattr': 'safe',
      'mylib.Outer.Inner.Innermost': 'unknown',
    })
  })

  it.each<[string, Part[]]>([
    ['of a module', [global('b', 'getattr'), global('logging', 'os'), text('system'), 'TUPLE2', 'REDUCE']],
    ['of a result', [global('b', 'getattr'), global('m', 'f'), 'EMPTY_TUPLE', 'REDUCE', text('x'), 'TUPLE2', 'REDUCE']],
    ['of what is inside', [global('b', 'getattr'), global('m', 'C'), text('__globals__'), 'TUPLE2', 'REDUCE']],
    ['never called here', [global('b', 'getattr')]],
    ['handed to another', [global('functools', 'partial'), global('b', 'getattr'), 'TUPLE1', 'REDUCE']],
    [
      'called well once and kept for later',
      [
        global('b', 'getattr'),
        'BINPUT',
        0,
        global('m', 'C'),
        text('D'),
        'TUPLE2',
        'REDUCE',
        'BINGET',
        0,
        global('m', 'f'),
        'EMPTY_TUPLE',
        'REDUCE',
        text('x'),
        'TUPLE2',
        'REDUCE',
        'TUPLE2',
      ],
    ],
  ])('of getattr %s are dangerous', (_, parts) => {
    const spelled = parts.map((part) => (part instanceof Uint8Array ? withBuiltins(part) : part))
    expect(verdicts(...spelled, 'STOP')).toMatchObject({ 'builtins.getattr': 'dangerous' })
  })

  it('that change a class or module where it lives are dangerous', () => {
    const linear = global('torch.nn.modules.linear', 'Linear')
    expect(verdicts(linear, 'EMPTY_DICT', 'BUILD', 'STOP')).toEqual({ 'torch.nn.modules.linear.Linear': 'dangerous' })
    expect(verdicts(global('m', 'registry'), text('k'), 'NONE', 'SETITEM', 'STOP')).toEqual({
      'm.registry': 'dangerous',
    })
    expect(verdicts(global('m', 'hooks'), 'NONE', 'APPEND', 'STOP')).toEqual({ 'm.hooks': 'dangerous' })
  })

  it('before a broken opcode, or popped again, still count', () => {
    expect(verdicts(global('os', 'system'), 0xff)).toEqual({ 'os.system': 'dangerous' })
    expect(verdicts(global('os', 'system'), 'POP', 'EMPTY_DICT', 'STOP')).toEqual({ 'os.system': 'dangerous' })
  })
})

describe('pickles inside', () => {
  const inner = pickle('PROTO', 2, HOSTILE)
  const bytes = (data: Uint8Array): Part[] => ['BINBYTES', little(data.length, 4), data]

  it('byte strings are read', () => {
    expect(verdicts(...bytes(inner), 'STOP')).toEqual({ 'os.system': 'dangerous' })
    expect(verdicts(...bytes(inner), 'POP', 'NONE', 'STOP')).toEqual({ 'os.system': 'dangerous' })
  })

  it('the texts that protocol 2 stores bytes as are read', () => {
    const asText = new TextEncoder().encode(String.fromCharCode(...inner))
    const parts: Part[] = [global('_codecs', 'encode'), 'BINUNICODE', little(asText.length, 4), asText, text('latin1')]
    expect(verdicts(...parts, 'TUPLE2', 'REDUCE', 'STOP')).toMatchObject({ 'os.system': 'dangerous' })
  })

  it('one another are read to a depth, and refused beyond it', () => {
    let nested = inner
    for (let i = 0; i < 2; i++) nested = pickle('PROTO', 4, ...bytes(nested), 'STOP')
    expect(verdicts(nested)).toEqual({ 'os.system': 'dangerous' })
    for (let i = 0; i < 5; i++) nested = pickle('PROTO', 4, ...bytes(nested), 'STOP')
    expect(decodePickle(nested)).toMatchObject({ value: undefined, error: { code: 'file/resource-bomb' } })
  })

  it('tensors that plain pickle stores are read whatever their protocol', () => {
    const load = global('torch.storage', '_load_from_bytes')
    const magic = pickle('PROTO', 2, 'LONG1', 10, little(0x1950a86a20f9469cfc6cn, 10), 'STOP')
    const loads = (data: Uint8Array) => verdicts(load, ...bytes(data), 'TUPLE1', 'REDUCE', 'STOP')
    const [safe, dangerous] = ['safe', 'dangerous'].map((verdict) => ({ 'torch.storage._load_from_bytes': verdict }))
    expect(loads(magic)).toEqual(safe)
    expect(loads(pickle(magic, HOSTILE))).toEqual({ ...safe, 'os.system': 'dangerous' })
    expect(loads(pickle(HOSTILE))).toEqual({ ...dangerous, 'os.system': 'dangerous' })
    expect(loads(pickle(raw('PK\u0003\u0004')))).toEqual(dangerous)
    expect(loads(pickle(magic, new Uint8Array(257 - magic.length), raw('ustar')))).toEqual(dangerous)
    expect(verdicts(load, 'NONE', 'TUPLE1', 'REDUCE', 'STOP')).toEqual(dangerous)
  })

  it('arrays that only look like pickles raise no alarm', () => {
    for (const tail of [
      [0x82, 1],
      [0x63, 0x61, 0x0a, 0x62, 0x0a, 0xff],
    ]) {
      const data = Uint8Array.from([0x80, 2, ...tail])
      const { error, globals } = decodePickle(pickle(...bytes(data), 'STOP'))
      expect(error).toBeUndefined()
      expect(globals.filter(({ verdict }) => verdict === 'dangerous')).toEqual([])
    }
  })
})

function split(path: string): [module: string, name: string] {
  const dot = path.lastIndexOf('.')
  return [path.slice(0, dot), path.slice(dot + 1)]
}

/** `b` stands for `builtins` in the tables above. */
function withBuiltins(part: Uint8Array): Uint8Array {
  const line = new TextDecoder().decode(part)
  return line.startsWith('cb\n') ? global('builtins', line.slice(3, -1)) : part
}

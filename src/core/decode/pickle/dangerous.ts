/**
 * Names that no pickle of data needs and that run commands or code, open files or connections, unpickle again, or hand out
 * such things (`getattr`, `sys.modules`). Gathered from CPython 3.12, NumPy 2 and torch 2.13 by reading what each does, and
 * from what published malicious files used.
 */

/** Packages of which everything is dangerous. */
const PACKAGES = new Set(
  words(`
  os posix nt subprocess _posixsubprocess _winapi sys runpy importlib _frozen_importlib _frozen_importlib_external imp _imp
  pkgutil zipimport _bootlocale pickle _pickle dill cloudpickle jsonpickle marshal shelve dbm _dbm _gdbm shutil socket
  socketserver ssl _ssl ctypes _ctypes cffi _cffi_backend webbrowser antigravity codeop pty tty popen2
  pdb bdb cProfile _lsprof timeit doctest pydoc distutils setuptools pkg_resources pip ensurepip venv idlelib lib2to3
  multiprocessing _multiprocessing concurrent asyncio threading _thread signal gc atexit faulthandler mmap fcntl
  tempfile fileinput http urllib urllib3 requests aiohttp httpx ftplib smtplib smtpd poplib imaplib nntplib telnetlib xmlrpc
  wsgiref cgi cgitb pipes tarfile zipfile gzip bz2 lzma turtle tkinter _tkinter curses readline rlcompleter winreg msvcrt
  msilib win32api win32com win32process paramiko fabric plumbum pexpect ptyprocess docker boto3 botocore
  jinja2 mako execnet IPython ipykernel nbconvert pyximport Cython py_compile compileall yaml numexpr asteval
  _aix_support _osx_support _pyrepl sqlite3 _sqlite3 sitecustomize usercustomize
  pyautogui pynput
`),
)

/** Modules, and classes with all their methods. */
const PREFIXES = new Set([
  'code.InteractiveInterpreter',
  'code.InteractiveConsole',
  'trace.Trace',
  'profile.Profile',
  'logging.config',
  'logging.handlers',
  'logging.FileHandler',
  'test.support',
  'unittest.mock',
  'unittest.main',
  'numpy.f2py',
  'numpy.distutils',
  'numpy.testing',
  'numpy.ctypeslib',
  'numpy.memmap',
  'numpy.DataSource',
  'scipy.io',
  'scipy._lib._ccallback',
  'pandas.io',
  'pandas.core.computation',
  'joblib.externals',
  'joblib.memory',
  'joblib.parallel',
  'datasets.load',
  'transformers.dynamic_module_utils',
  'transformers.utils.hub',
  'transformers.pipelines',
  'accelerate.commands',
  'accelerate.launchers',
  'huggingface_hub.file_download',
  'huggingface_hub.hf_api',
  'huggingface_hub._snapshot_download',
  'nltk.data',
  'nltk.downloader',
  'tensorflow.io',
  'tensorflow.python.ops.io_ops',
  'tensorflow.python.ops.gen_io_ops',
  'tensorflow.python.lib.io',
  'keras.src.saving',
  'keras.saving',
  'torch.hub',
  'torch.utils.model_zoo',
  'torch.utils.cpp_extension',
  'torch.utils._cpp_extension_versioner',
  'torch.utils._config_module',
  'torch.utils.bottleneck',
  'torch.utils.collect_env',
  'torch.utils.hipify',
  'torch.utils.show_pickle',
  'torch.package',
  'torch.utils.data.datapipes.utils.decoder',
  'torch.utils.tensorboard.writer',
  'torch.utils.benchmark.utils',
  'torch.fx.graph_module',
  'torch.fx.experimental.symbolic_shapes.ShapeEnv',
  'torch.jit._serialization',
  'torch.jit.unsupported_tensor_ops',
  'torch.jit.frontend',
  'torch.ops',
  'torch._ops',
  'torch.classes',
  'torch._classes',
  'torch._dynamo.guards',
  'torch._dynamo.debug_utils',
  'torch._inductor.codecache',
  'torch._inductor.compile_worker',
  'torch._inductor.runtime',
  'torch.testing._internal.common_utils',
  'torch.testing._internal.common_distributed',
  'torch.testing._internal.distributed',
  'torch.distributed.rpc',
  'torch.distributed.elastic',
  'torch.distributed.run',
  'torch.distributed.launch',
  'torch.distributed.launcher',
  'torch.multiprocessing.spawn',
  'pandas.compat.pickle_compat',
  'joblib.numpy_pickle_compat',
  'hydra.utils',
  'hydra._internal',
])
/** Segments of the longest of them. */
const PREFIX_SEGMENTS = 6

const NAMES = new Set(
  words(`
  builtins.eval builtins.exec builtins.execfile builtins.compile builtins.open builtins.file builtins.input
  builtins.raw_input builtins.__import__ builtins.getattr builtins.setattr builtins.delattr builtins.vars builtins.globals
  builtins.locals builtins.breakpoint builtins.exit builtins.quit builtins.help builtins.apply builtins.reload
  builtins.__build_class__
  io.open io.open_code io.FileIO _io.open _io.open_code _io.FileIO _pyio.open _pyio.FileIO codecs.open _codecs.open
  operator.attrgetter operator.methodcaller operator.call _operator.attrgetter _operator.methodcaller _operator.call
  types.FunctionType types.CodeType types.LambdaType types.new_class types.GeneratorType types.CoroutineType
  copyreg.add_extension copyreg.pickle copyreg.constructor copyreg.remove_extension
  typing.get_type_hints typing._eval_type dataclasses.make_dataclass
  code.interact code.compile_command profile.run profile.runctx profile.main trace.main
  uuid._get_command_stdout uuid._popen uuid._find_mac platform.popen platform._syscmd_file platform._syscmd_ver
  linecache.getlines linecache.updatecache site.addsitedir site.addpackage site.execsitecustomize site.main
  numpy.load numpy.loads numpy.ma.core.loads numpy.lib.npyio.load numpy.lib._npyio_impl.load numpy.lib.npyio.NpzFile numpy.lib._npyio_impl.NpzFile
  numpy.lib.format.read_array numpy.lib._format_impl.read_array numpy.lib.format.open_memmap numpy.core.memmap.memmap
  numpy._core.memmap.memmap numpy.save numpy.savez numpy.savez_compressed numpy.savetxt numpy.loadtxt numpy.genfromtxt
  numpy.fromfile numpy.fromregex numpy.core.multiarray.fromfile numpy._core.multiarray.fromfile
  numpy.core.numeric.load
  pandas.eval pandas.read_pickle pandas.to_pickle pandas.read_csv pandas.read_hdf pandas.read_sql
  joblib.load joblib.dump joblib.numpy_pickle.load joblib.numpy_pickle.dump joblib.numpy_pickle._unpickle
  torch.load torch.save torch.serialization.load torch.serialization.save torch.serialization._load
  torch.serialization._legacy_load torch.serialization.add_safe_globals torch.storage._load_from_bytes
  torch.jit.load torch.jit.save torch.from_file torch.import_ir_module
  torch.distributed.checkpoint.load torch.distributed.checkpoint.state_dict_loader.load
  torch._C.PyTorchFileWriter torch._C.PyTorchFileReader torch._C.import_ir_module torch._C.import_ir_module_from_buffer
  torch._C._import_ir_module_from_package torch._C._load_for_lite_interpreter torch._C._save_parameters
  torch._utils._import_dotted_name torch._utils._get_device_module
  torch._C._jit_set_emit_hooks torch._weights_only_unpickler._add_safe_globals
  torch.distributed.distributed_c10d._tensor_to_object torch.distributed.distributed_c10d._object_to_tensor
  safetensors.torch.save_file safetensors.torch.load_file safetensors.numpy.save_file safetensors.numpy.load_file
  keras.models.load_model tensorflow.keras.models.load_model tensorflow.saved_model.load tensorflow.load_library
  tensorflow.load_op_library tensorflow.py_function tensorflow.numpy_function
  sympy.sympify sympy.lambdify sympy.core.sympify.sympify sympy.parsing.sympy_parser.parse_expr
  sympy.utilities.lambdify.lambdify
  datasets.load_dataset datasets.load_from_disk nltk.download
`),
)

/**
 * Modules that others import and so hand on: `logging.os.system` needs no `os` in front. Wherever one of them stands in a
 * path, alone or with an underscore before it (`import os as _os`), the path reaches it.
 */
const HANDED_ON = new Set(
  words(`os sys subprocess builtins __builtin__ __builtins__ posix nt shutil importlib ctypes runpy pickle cPickle marshal
  socket pty commands webbrowser popen2 cloudpickle dill codeop pkgutil imp pydoc multiprocessing _winapi`),
)

/** Functions that are what their name says in whatever module they were imported into. */
const TELLTALE = new Set(
  words(`system popen popen2 popen3 popen4 Popen check_output check_call getoutput getstatusoutput execv execve execvp execvpe
  execl execle execlp execlpe spawnl spawnle spawnlp spawnv spawnve spawnvp posix_spawn posix_spawnp startfile fork forkpty
  execfile eval exec import_module run_module run_path run_string runstring urlopen urlretrieve rmtree attrgetter
  methodcaller getattr getattr_static open fdopen open_code unlink write_text write_bytes read_text read_bytes fromfile
  tofile from_file from_pretrained load_from_checkpoint load_state_dict_from_url download_url_to_file hf_hub_download
  snapshot_download read_pickle read_gpickle load_pickle Unpickler unsafe_load load_module
  exec_module exec_command import_string import_object locate instantiate resolve_name load_library load_inline runsource
  runcode`),
)

/** `path` as Python 3 spells it: module and name joined by a dot. */
export function isDangerous(path: string): boolean {
  const segments = path.split('.')
  if (PACKAGES.has(segments[0] as string) || NAMES.has(path)) return true
  for (let n = 1; n <= Math.min(segments.length, PREFIX_SEGMENTS); n++) {
    if (PREFIXES.has(segments.slice(0, n).join('.'))) return true
  }
  if (segments.slice(1).some((segment) => HANDED_ON.has(segment) || HANDED_ON.has(segment.replace(/^_+/, ''))))
    return true
  if (TELLTALE.has(segments[segments.length - 1] as string)) return true
  // `__globals__`, `__subclasses__`, `__reduce__` ...: the way out of an object into the interpreter.
  return segments.slice(1).some((segment) => /^__(?!torch__$)\w+__$/.test(segment)) || /^pathlib\.\w+\.\w+/.test(path)
}

function words(text: string): string[] {
  return text.trim().split(/\s+/)
}

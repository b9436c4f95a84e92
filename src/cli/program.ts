import { Command, InvalidArgumentError, Option } from 'commander'
import { version } from '../../package.json'
import type { Io } from './io'
import { DIFF_FORMATS, FORMATS } from './reports/formats'
import type { Status } from './status'
import { parseSize } from './text/units'

const EXAMPLES = `
Examples:
  $ assay verify runs/gpt2                     which checkpoints of the run can be resumed
  $ assay verify checkpoint-500 --deep --json  read every value; for scripts and CI
  $ assay diff checkpoint-400 checkpoint-500   what 100 steps changed
  $ assay repair broken --reference good --out mended --dry-run
  $ assay checkpoint-500                       look at it in the window

Exit status: 0 all is well, 1 there are findings (for diff: differences), 2 trouble or wrong usage, 130 interrupted.`

/**
 * The command line. What a command does is loaded when it is called, so that each starts at once.
 * @param done takes the exit status of the command that ran
 */
export function program(io: Io, done: (status: Status) => void): Command {
  const assay = new Command('assay')
    .description('Inspect, verify, compare and repair the checkpoints of neural-network training.')
    .version(version, '-V, --version')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      getOutHelpWidth: () => io.stdout.columns ?? 100,
      getErrHelpWidth: () => io.stderr.columns ?? 100,
    })
    .showHelpAfterError('(assay --help tells how)')
    .addHelpText('after', EXAMPLES)

  const command = (name: string, does: string, examples: readonly string[]) =>
    assay
      .command(name)
      .description(does)
      .addHelpText('after', `\nExamples:\n${examples.map((line) => `  $ assay ${line}`).join('\n')}`)

  command('verify', 'Tell whether training can resume from a checkpoint, and what is wrong where it cannot.', [
    'verify checkpoint-500',
    'verify runs/gpt2 --json | jq -r .lastGood',
    'verify finetuned --reference base',
    'verify runs/gpt2 --watch --json >> verdicts.jsonl',
    'verify checkpoint-500 --rule optimizer/missing=off --format junit > assay.xml',
  ])
    .argument('[path...]', 'checkpoint files or folders, or a folder of checkpoints')
    .option('--deep', 'read every value (finds NaN, infinities, damaged bytes)')
    .option('--strict', 'count warnings as errors')
    .option('--reference <path>', 'an intact checkpoint of the same model: what it has must be here too')
    .option('--watch', 'stay, and verify each checkpoint that a training writes into the folder once it is complete')
    .addOption(new Option('--quiet <seconds>', 'with --watch: how long nothing must change').argParser(parseSeconds))
    .addOption(new Option('--rule <id=severity>', 'off, info, warning or error; may be repeated').argParser(parseRule))
    .option('--rules', 'list the rules instead, with what they mean and what mends it')
    .addOption(new Option('--format <format>', 'how to tell what was found').choices(FORMATS).default('text'))
    .addOption(asJson())
    .action(async (paths: string[], options, self: Command) => {
      const [folder] = paths
      if (folder === undefined && !options.rules) self.error('error: name a checkpoint, or a folder of checkpoints')
      if (!options.watch) return done(await (await import('./commands/verify')).verify(paths, options, io))
      if (folder === undefined || paths.length > 1) return self.error('error: --watch takes one folder')
      done(await (await import('./commands/watch')).watch(folder, options, io))
    })

  command('show', 'List what a checkpoint holds: components, training state, tensors.', [
    'show checkpoint-500',
    "show model.safetensors --tensors --filter '*.attn.*'",
  ])
    .argument('<path>', 'checkpoint file or folder')
    .option('--tensors', 'list the tensors')
    .option('--sha256', 'with the digest of each tensor’s values')
    .addOption(filter())
    .addOption(asJson())
    .action(async (path: string, options) => done(await (await import('./commands/show')).show(path, options, io)))

  command('stats', 'Measure the values of every tensor: range, mean, deviation, zeros, NaN.', [
    'stats model.safetensors',
    "stats checkpoint-500 --filter '*norm*' --json",
  ])
    .argument('<path>', 'checkpoint file or folder')
    .addOption(filter())
    .option('--exponents', 'draw how common each binary exponent is (JSON has the counts)')
    .addOption(asJson())
    .action(async (path: string, options) => done(await (await import('./commands/stats')).stats(path, options, io)))

  command('diff', 'Compare two checkpoints: names, shapes, dtypes, values, training state.', [
    'diff checkpoint-400 checkpoint-500',
    'diff base.safetensors tuned.safetensors --json',
    'diff checkpoint-400 checkpoint-500 --modules 3',
    'diff old new --rename encoder=model.encoder --rtol 1e-5 --format markdown',
  ])
    .argument('<a>', 'the earlier one')
    .argument('<b>', 'the later one')
    .addOption(filter())
    .addOption(
      new Option(
        '--rename <from=to>',
        'what B calls a tensor of A, or a leading part of names (=model puts one in front); may be repeated',
      ).argParser(parseCalled),
    )
    .addOption(new Option('--atol <number>', 'take values for equal that differ by no more').argParser(parseTolerance))
    .addOption(new Option('--rtol <number>', 'the same, as a part of the value in A').argParser(parseTolerance))
    .option('--ulp', 'tell the largest distance in representable values')
    .option('--weights-only', 'leave the training state out; the exit status too goes by the weights alone')
    .addOption(
      new Option(
        '--modules [depth]',
        'list modules instead of tensors, those whose names are up to so many parts long (JSON has both)',
      ).argParser(parseDepth),
    )
    .addOption(new Option('--format <format>', 'how to tell what was found').choices(DIFF_FORMATS).default('text'))
    .addOption(asJson())
    .action(async (a: string, b: string, options) =>
      done(await (await import('./commands/diff')).diff(a, b, options, io)),
    )

  command(
    'repair',
    'Plan what can be mended, with the evidence, and write a mended copy. The original is never written to.',
    [
      'repair broken --reference good --out mended --dry-run',
      'repair checkpoint-500 --undo',
      'repair model.safetensors --shape conv1.weight=1280,128,3 --out mended.safetensors',
      'repair old.pt --plain --out plain.pt --dry-run',
    ],
  )
    .argument('<path>', 'checkpoint file or folder')
    .addOption(
      new Option('--out <path>', 'folder to write, or a file by its ending; must not exist, or be an empty folder'),
    )
    .addOption(new Option('--in-place', 'put the mended files in place; the old ones stay as .backup').conflicts('out'))
    .option('--reference <path>', 'an intact checkpoint of the same model, to take shapes and values from')
    .addOption(new Option('--shape <name=2,3>', 'the shape of one tensor; may be repeated').argParser(parseShape))
    .option(
      '--plain',
      'write every PyTorch file as torch.load(weights_only=True, mmap=True) takes it, whatever is lost',
    )
    .addOption(
      new Option('--world-size <number>', 'how many processes are to resume from it').argParser(parseProcesses),
    )
    .addOption(
      new Option('--choose <step=choice>', 'what to take where a step offers several; none refuses the step').argParser(
        parseChoice,
      ),
    )
    .option('--plan <file>', 'do what this plan says: that of --dry-run --json, edited')
    .option('--deep', 'read every value first: finds NaN, infinities, damaged bytes')
    .addOption(
      new Option('--undo', 'take back a repair in place: put the .backup files back').conflicts([
        ...['out', 'inPlace', 'reference', 'shape', 'dryRun'],
      ]),
    )
    .option('--dry-run', 'show the plan and write nothing')
    .addOption(asJson())
    .action(async (path: string, options, self: Command) => {
      if (options.undo) return done(await (await import('./commands/undo')).undo(path, options, io))
      if (!options.out && !options.inPlace && !options.dryRun)
        self.error('error: name the target with --out, or use --in-place, --dry-run or --undo')
      done(await (await import('./commands/repair')).repair(path, options, io))
    })

  command('export', 'Write the weights of any checkpoint as safetensors or as a PyTorch file.', [
    'export checkpoint-500 --out weights --max-shard-size 5GB',
    'export checkpoint-500 --dtype bfloat16 --out model.pt --dry-run',
    "export model.pt --strip-prefix module. --drop '*.num_batches_tracked' --out model.safetensors",
    "export vit.pt --rename 'blocks\\.(\\d+)\\.=encoder.layer.$1.' --out vit.safetensors --dry-run",
    'export adapter --merge-into base --out merged',
    'export peft-model.pt --only-adapter --lora-alpha 16 --out adapter',
  ])
    .argument('<path>', 'checkpoint file or folder')
    .requiredOption('--out <path>', 'file or folder to write; must not exist, or be an empty folder')
    .addOption(
      new Option('--format <format>', 'what to write; else the name of the target tells').choices([
        'safetensors',
        'torch',
      ]),
    )
    .addOption(
      new Option('--dtype <dtype>', 'round the floating-point tensors').choices(['float32', 'float16', 'bfloat16']),
    )
    .addOption(new Option('--max-shard-size <size>', 'split into files of at most this, as 5GB').argParser(parseSize))
    .option('--keep <glob...>', 'only tensors with such names')
    .option('--drop <glob...>', 'no tensors with such names')
    .option('--strip-prefix <text>', 'take this from the front of names')
    .addOption(
      new Option(
        '--rename <pattern=name>',
        'replace a regular expression in names ($1 a group); may be repeated',
      ).argParser(parseRename),
    )
    .option('--add-prefix <text>', 'put this in front of names, after all else')
    .option('--untie', 'give tied tensors of a PyTorch file values of their own')
    .addOption(
      new Option('--tie', 'make the head and the embedding that config.json ties one tensor').conflicts('untie'),
    )
    .option('--masters', "write the optimizer's float32 weights in place of those rounded for training in 16 bits")
    .addOption(
      new Option('--only-adapter', 'write only the LoRA adapter of a model that was saved with it').conflicts([
        'mergeInto',
      ]),
    )
    .addOption(
      new Option('--lora-alpha <number>', 'its scaling, where no adapter_config.json is beside it').argParser(
        parseAlpha,
      ),
    )
    .option('--merge-into <base>', 'merge this LoRA adapter into its base model and write the merged model')
    .option('--partial', 'write the rest where something must be left out')
    .option('--dry-run', 'show what would be written, and what rounding would lose; write nothing')
    .addOption(asJson())
    .action(async (path: string, options) =>
      done(await (await import('./commands/export')).exportTo(path, options, io)),
    )

  command('history', 'Print the loss and the learning rate that a checkpoint remembers.', [
    'history checkpoint-500',
    'history checkpoint-500 --csv > loss.csv',
  ])
    .argument('<path>', 'checkpoint file or folder, or a folder of checkpoints, of one run or of several')
    .addOption(asJson())
    .addOption(new Option('--csv', 'print series,step,value, of several runs after the name of each').conflicts('json'))
    .action(async (path: string, options) =>
      done(await (await import('./commands/history')).history(path, options, io)),
    )

  command(
    'scan',
    'List what unpickling would import and call, without unpickling. Exit status 1 where it is dangerous.',
    ['scan downloads/*.pt', 'scan checkpoint-500 --json'],
  )
    .argument('<path...>', 'files or folders')
    .addOption(asJson())
    .action(async (paths: string[], options) => done(await (await import('./commands/scan')).scan(paths, options, io)))

  assay
    .command('open', { isDefault: true })
    .description('Open the window. `assay PATH` does the same.')
    .argument('[path]', 'what to open in it')
    .action(async (path: string | undefined) => done(await (await import('./commands/open')).open(path, io)))

  return assay
}

function asJson(): Option {
  return new Option('--json', 'print one JSON document')
}

function filter(): Option {
  return new Option('--filter <glob>', 'only tensors with such names (* any text, ? one character; else any part)')
}

/** Collects `OLD=NEW` into names by what they are in A. The last `=` counts; nothing behind it takes the part away. */
function parseCalled(text: string, sofar: Record<string, string> = {}): Record<string, string> {
  const at = text.lastIndexOf('=')
  if (at < 0 || text === '=') throw new InvalidArgumentError('Write a name as encoder=model.encoder.')
  return { ...sofar, [text.slice(0, at)]: text.slice(at + 1) }
}

function parseTolerance(text: string): number {
  const tolerance = Number(text)
  if (text.trim() !== '' && tolerance >= 0 && tolerance < Infinity) return tolerance
  throw new InvalidArgumentError('Write a number from 0 on, as 1e-5.')
}

function parseDepth(text: string): number {
  const depth = Number(text)
  if (Number.isInteger(depth) && depth >= 1) return depth
  throw new InvalidArgumentError('Write a whole number from 1 on.')
}

function parseSeconds(text: string): number {
  const seconds = Number(text)
  if (seconds > 0 && seconds <= 86_400) return seconds
  throw new InvalidArgumentError('Write seconds as 5 or 0.5.')
}

/** Collects `ID=off` into severities by rule. */
function parseRule(text: string, sofar: Record<string, string> = {}): Record<string, string> {
  const [, id, severity] = /^([\w/-]+)=(off|info|warning|error)$/.exec(text) ?? []
  if (id === undefined || severity === undefined) {
    throw new InvalidArgumentError('Write a rule as trainer/loss-jump=off (or info, warning, error).')
  }
  return { ...sofar, [id]: severity }
}

/** Collects `PATTERN=NAME` into renamings. The last `=` counts. */
function parseRename(text: string, sofar: { pattern: string; to: string }[] = []): { pattern: string; to: string }[] {
  const at = text.lastIndexOf('=')
  if (at < 1) throw new InvalidArgumentError("Write a renaming as 'blocks\\.(\\d+)=layer.$1'.")
  return [...sofar, { pattern: text.slice(0, at), to: text.slice(at + 1) }]
}

function parseProcesses(text: string): number {
  const processes = Number(text)
  if (/^\d+$/.test(text) && processes >= 1 && Number.isSafeInteger(processes)) return processes
  throw new InvalidArgumentError('Write a number of processes as 4.')
}

function parseAlpha(text: string): number {
  const alpha = Number(text)
  if (text.trim() !== '' && Number.isFinite(alpha) && alpha > 0) return alpha
  throw new InvalidArgumentError('Write a number above 0, as 16.')
}

/** Collects `3=checkpoint-20` into choices by step. */
function parseChoice(text: string, sofar: ReadonlyMap<number, string> = new Map()): Map<number, string> {
  const [, step, choice] = /^([1-9]\d{0,8})=(.+)$/.exec(text) ?? []
  if (step === undefined || choice === undefined) throw new InvalidArgumentError('Write a choice as 3=checkpoint-20.')
  return new Map(sofar).set(Number(step), choice)
}

/** Collects `NAME=2,3` into shapes by name. The last `=` counts: a name may hold one. */
function parseShape(text: string, sofar: ReadonlyMap<string, number[]> = new Map()): Map<string, number[]> {
  const at = text.lastIndexOf('=')
  const dimensions = text
    .slice(at + 1)
    .split(',')
    .map((part) => (/^\d+$/.test(part.trim()) ? Number(part) : Number.NaN))
  if (at < 1 || !dimensions.every(Number.isSafeInteger)) {
    throw new InvalidArgumentError('Write a shape as conv1.weight=1280,128,3.')
  }
  return new Map(sofar).set(text.slice(0, at), dimensions)
}

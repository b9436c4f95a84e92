import { joinPath } from '../../bytes/folder'
import { mappingOf } from '../../decode/pickle/value'
import { fieldsOf, numberOf } from '../../decode/plain'
import { finding, type RuleId } from '../../finding'
import type { Draft } from '../draft'
import { filesLike, foldersLike, hasFile, type Listing } from '../listing'
import { openStateFile } from '../state-file'
import { modelFiles, openWeights } from '../weights'
import { checkRanks, missing, notApplicable, openConfig, openRanks, openStates, openTokenizer } from './common'
import { openDistributedFolders } from './dcp'
import { openZero } from './deepspeed'
import type { Layout } from './layout'
import { hasAdapter, openAdapter } from './peft'

const FOLDER = /^(?:tmp-)?checkpoint-(\d+)$/
const RNG = /^rng_state(?:_(\d+))?\.pth$/
const STATE = 'trainer_state.json'
const ARGUMENTS = /^training_args\.bin$/

/**
 * `checkpoint-{global_step}/` of the Hugging Face Trainer (transformers 4.57 and 5.18, trainer.py): model or adapter,
 * optimizer.pt, scheduler.pt, scaler.pt, a random state for each rank, trainer_state.json written last.
 */
export const trainer: Layout = {
  id: 'trainer',
  label: 'HF Trainer checkpoint',
  matches(listing) {
    if (hasFile(listing, STATE)) return true
    const own = filesLike(listing, /^(optimizer\.(pt|bin)|training_args\.bin|rng_state.*\.pth)$/)
    // Without its state and under another name: what a finished training leaves has the arguments alone.
    return FOLDER.test(listing.name) ? own.length > 0 : own.length > 1 && filesLike(listing, ARGUMENTS).length > 0
  },
  async open(draft) {
    const { listing } = draft
    if (hasAdapter(listing)) {
      draft.label = 'HF Trainer checkpoint of a PEFT adapter'
      draft.mark(
        'weights',
        'not-applicable',
        [],
        'The weights are those of the base model; only the adapter is trained',
      )
      draft.mark('config', 'not-applicable', [], 'adapter_config.json takes its place')
      await openAdapter(draft)
    } else {
      await openModel(draft)
      await openConfig(draft, missing('No config.json: the shape of the model is not written down'))
    }
    await openTokenizer(
      draft,
      missing('No tokenizer files (tokenizer.json, vocab.txt, spiece.model ...); a model without text needs none'),
    )
    await openOptimizer(draft)
    await openStates(
      draft,
      'scheduler',
      filesLike(listing, /^scheduler\.pt$/),
      missing('No scheduler.pt: the learning rate would start over'),
    )
    checkTop(draft, 'scheduler', ['last_epoch', '_last_lr', '_schedulers'])
    await openArguments(draft)
    await openStates(
      draft,
      'scaler',
      filesLike(listing, /^scaler\.pt$/),
      scalesItsLoss(draft)
        ? missing('No scaler.pt, although training_args.bin says fp16=True: the loss scale would start over')
        : notApplicable('No scaler.pt: only training in float16 writes one'),
    )
    await openRandomStates(draft)
    await openTrainerState(draft)
    notes(draft)
  },
}

function holdsModel(listing: Listing): boolean {
  return modelFiles(listing) !== undefined || fullFsdp(listing) !== undefined || hasAdapter(listing)
}

async function openModel(draft: Draft): Promise<void> {
  const sharded = foldersLike(draft.listing, /^pytorch_model_fsdp_\d+$/)
  if (sharded.length > 0 && !modelFiles(draft.listing)) {
    return openDistributedFolders(draft, 'weights', sharded)
  }
  await openWeights(
    draft,
    modelFiles(draft.listing) ?? fullFsdp(draft.listing),
    'weights',
    'No model.safetensors, pytorch_model.bin or index with shards in the folder',
  )
}

function fullFsdp(listing: Listing) {
  const files = filesLike(listing, /^pytorch_model_fsdp\.bin$/)
  return files.length > 0 ? { files, unread: [] } : undefined
}

/**
 * training_args.bin is written at each save and read at none: resuming takes the arguments of the script that runs
 * (transformers 5.18, trainer.py, `TRAINING_ARGS_NAME`). Where it is damaged a record of the settings is lost, no more.
 */
async function openArguments(draft: Draft): Promise<void> {
  for (const path of filesLike(draft.listing, ARGUMENTS)) {
    const file = await openStateFile(joinPath(draft.listing.root, path), path, 'trainer')
    const damage = file.findings.filter(
      ({ rule, severity }) => rule === 'file/unknown-format' || (severity === 'error' && !HOSTILE.has(rule)),
    )
    // Where the file is cut off, its pickle is too: that is not told again.
    const [first = damage[0]] = damage.filter(({ rule }) => rule.startsWith('file/'))
    // Of no other file is it said that it may hold what a resume needs and Assay cannot read.
    const severity = first?.rule === 'file/unknown-format' ? ('info' as const) : ('warning' as const)
    const told = first && { ...first, severity, message: `${first.message}. ${NOT_READ}` }
    const findings = [...(told ? [told] : []), ...file.findings.filter((each) => !damage.includes(each))]
    await draft.add({ ...file, findings })
  }
}

/** What is wrong with whoever wrote the file, whether or not it is read. */
const HOSTILE: ReadonlySet<RuleId> = new Set<RuleId>([
  'pickle/dangerous',
  'file/path-escape',
  'file/odd-name',
  'file/resource-bomb',
])

const NOT_READ = 'Resuming does not read it: only the record of the settings is lost'

async function openOptimizer(draft: Draft): Promise<void> {
  const paths = filesLike(draft.listing, /^optimizer\.(pt|bin)$/)
  const sharded = foldersLike(draft.listing, /^optimizer_\d+$/)
  const zero = foldersLike(draft.listing, /^global_step\d+$/)
  if (paths.length === 0 && sharded.length > 0) return openDistributedFolders(draft, 'optimizer', sharded)
  if (paths.length === 0 && zero.length > 0) {
    return openZero(draft, zero.at(-1) as string, { weights: !holdsModel(draft.listing), whole: false })
  }
  await openStates(draft, 'optimizer', paths, missing('No optimizer.pt: its moments would start from zero'))
  if (draft.component('optimizer').status === 'present' && draft.optimizers.length === 0) {
    draft.mark('optimizer', 'damaged', paths, `${paths[0]} is not what an optimizer saves: state and param_groups`)
  }
  checkTop(draft, 'optimizer', ['param_groups'])
}

/**
 * The Trainer hands the whole file to `load_state_dict` (transformers 5.18, trainer.py): a state further inside is not found. DeepSpeed
 * keeps its own in a folder.
 */
function checkTop(draft: Draft, id: 'optimizer' | 'scheduler', keys: readonly string[]): void {
  const { status, files } = draft.component(id)
  const told = new Set([...draft.optimizers, ...draft.schedulers].map(({ file }) => file))
  for (const { path, value } of status === 'present' ? draft.files : []) {
    const isOwn = files.includes(path) && told.has(path) && !path.includes('/')
    const top = isOwn ? mappingOf(value) : undefined
    if (!top || keys.some((key) => top.has(key))) continue
    draft.mark(
      id,
      'damaged',
      files,
      `${path} keeps the state of the ${id} under another key: the Trainer looks for it at the top`,
    )
  }
}

async function openRandomStates(draft: Draft): Promise<void> {
  const paths = filesLike(draft.listing, RNG)
  await openRanks(draft, paths, RNG, missing('No rng_state.pth: shuffling and dropout would not repeat'))
  if (paths.length === 0 || paths.includes('rng_state.pth')) return
  // A single process writes rng_state.pth, several write rng_state_{rank}.pth.
  const processes = Math.max(draft.worldSize ?? 1, 2)
  checkRanks(
    draft,
    processes,
    'files named by rank are written by two processes or more',
    (rank) => `rng_state_${rank}.pth`,
  )
}

async function openTrainerState(draft: Draft): Promise<void> {
  const step = FOLDER.exec(draft.listing.name)?.[1]
  if (step !== undefined) draft.count('folder name', draft.listing.name, Number(step))
  if (!hasFile(draft.listing, STATE)) {
    return draft.mark(
      'trainer',
      'missing',
      [],
      `No ${STATE}: the step, the epoch and the history are gone; it is written last`,
    )
  }
  const state = await draft.openJson(STATE)
  if (state === undefined) return draft.mark('trainer', 'damaged', [STATE], `${STATE} cannot be read`)
  draft.addRecord({ file: STATE, component: 'trainer', value: state })
  const fields = fieldsOf(state)
  const whole = numberOf(fields?.global_step) !== undefined
  draft.mark('trainer', whole ? 'present' : 'damaged', [STATE], whole ? undefined : `${STATE} has no global_step`)
}

/** Accelerate makes a scaler for fp16 unless DeepSpeed brings its own (accelerate 1.15, accelerator.py); the Trainer saves it. */
function scalesItsLoss({ records }: Draft): boolean {
  return records.some(({ file, value }) => {
    if (!ARGUMENTS.test(file)) return false
    // The only entry is the object, under the name of its class.
    const settings = fieldsOf(Object.values(fieldsOf(value) ?? {})[0])
    return settings?.fp16 === true && (settings.deepspeed ?? null) === null
  })
}

/** What an interrupted save leaves behind. */
function notes(draft: Draft): void {
  const sentinel = 'checkpoint-is-incomplete.txt'
  if (hasFile(draft.listing, sentinel)) {
    draft.findings.push(
      finding('trainer/incomplete-save', sentinel, `${sentinel} is here: the Trainer was stopped while it saved`),
    )
  } else if (draft.listing.name.startsWith('tmp-')) {
    const { name } = draft.listing
    draft.findings.push(
      finding(
        'trainer/incomplete-save',
        name,
        `${name} is the name of a save under way: the Trainer renames it when done`,
      ),
    )
  }
}

import { mappingOf, type PyValue } from '../../decode/pickle/value'
import { type Absent, notApplicable } from './common'

/** A program whose training dict is known by its keys. */
export interface Producer {
  readonly label: string
  readonly keys: readonly string[]
  /** Set where the program saves no scheduler because it needs none to go on. */
  readonly scheduler?: Absent
}

/**
 * The more particular first. Sources: nanoGPT train.py; fairseq checkpoint_utils.py `save_state`; ultralytics
 * engine/trainer.py `save_model`; timm utils/checkpoint_saver.py; nnU-Net nnUNetTrainer.py `save_checkpoint`; mmengine
 * runner.py `save_checkpoint`; detectron2 engine/defaults.py; whisper __init__.py.
 */
const PRODUCERS: readonly Producer[] = [
  { label: 'PyTorch Lightning checkpoint', keys: ['pytorch-lightning_version'] },
  {
    label: 'nanoGPT checkpoint',
    keys: ['model', 'model_args', 'iter_num'],
    scheduler: notApplicable('nanoGPT works the learning rate out from the step and its config'),
  },
  {
    label: 'fairseq checkpoint',
    keys: ['model', 'optimizer_history', 'extra_state'],
    scheduler: notApplicable('fairseq works the learning rate out from num_updates in optimizer_history'),
  },
  {
    label: 'Ultralytics checkpoint',
    keys: ['model', 'ema', 'updates', 'train_args'],
    scheduler: notApplicable('Ultralytics works the learning rate out from the epoch and train_args'),
  },
  {
    label: 'nnU-Net checkpoint',
    keys: ['network_weights', 'init_args', 'trainer_name'],
    scheduler: notApplicable('nnU-Net works the learning rate out from current_epoch'),
  },
  {
    label: 'timm checkpoint',
    keys: ['state_dict', 'arch', 'version', 'epoch'],
    scheduler: notApplicable('timm works the learning rate out from the epoch and args'),
  },
  { label: 'MMEngine checkpoint', keys: ['meta', 'state_dict', 'message_hub'] },
  { label: 'Detectron2 checkpoint', keys: ['model', 'optimizer', 'scheduler', 'iteration'] },
  { label: 'Whisper model', keys: ['dims', 'model_state_dict'] },
]

/** Who wrote a training dict, if its keys are those of a program that is known. */
export function producerOf(value: PyValue | undefined): Producer | undefined {
  const entries = mappingOf(value)
  return entries && PRODUCERS.find(({ keys }) => keys.every((key) => entries.has(key)))
}

import type { Finding, RuleId } from '../finding'

const MADE_ANEW = 'An earlier repair has done what can be done'

const IN_TRAINING = 'It happened in the training, not in the files; a save from before it is the place to go on from'

const REASONS: { readonly [rule in RuleId]?: string } = {
  'weights/missing': 'There are no weights to begin with; another save of the run is what can be resumed from',
  'weights/missing-shard': 'The values are in no file that is here; a reference may have them',
  'weights/missing-tensor': 'The values are in no file that is here; a reference may have them',
  'weights/layer-gap': 'The values are in no file that is here; a reference may have them',
  'weights/placeholder': 'The values were never written; a reference may have them',
  'weights/flattened': 'Nothing tells the shape; a reference may, or you',
  'weights/shape-mismatch':
    'No reshape makes up for another number of values; where the number is right, you may know the order',
  'weights/non-finite': 'The numbers are gone; only an earlier checkpoint has them',
  'weights/zero-run': 'The numbers are gone; only another copy or an earlier checkpoint has them',
  'weights/all-zero': 'Nothing tells what the values should be; only an earlier checkpoint has them',
  'weights/storage-bloat': 'An export writes only what the tensors use',
  'weights/tied-differs': 'Which of the two is meant cannot be told from the files',
  'pickle/dangerous': 'A copy would run the same code; an export of the weights would not',
  'pickle/malformed': 'What the pickle should say is lost',
  'file/changed': 'It is being written; wait until the save is done and open it again',
  'file/odd-name': 'Which name is meant cannot be told; an export can give the tensors others',
  'file/overlap': 'Which of the two has its own values cannot be told; only another copy of the file helps',
  'file/path-escape': 'Nothing outside the checkpoint is read or written; which file is meant cannot be told',
  'file/unknown-format': 'What is not understood is not changed',
  'file/unreadable': 'The system does not let it be read; what is in it is not known',
  'file/checksum': 'Which bits are wrong cannot be told; only another copy of the file helps',
  'rng/world-size': 'Say for how many processes it is to be made',
  'weights/borrowed': MADE_ANEW,
  'optimizer/rebuilt': MADE_ANEW,
  'scheduler/rebuilt': MADE_ANEW,
  'scaler/rebuilt': MADE_ANEW,
  'rng/rebuilt': MADE_ANEW,
  'trainer/rebuilt': MADE_ANEW,
  'optimizer/missing-rank':
    'What this rank held is in no file that is here; only another copy or an earlier save has it',
  'optimizer/step-mismatch': 'It is of another save; the moments of this step are in no file that is here',
  'scheduler/rate-mismatch': 'They are of two saves, and which is right cannot be told from them',
  'optimizer/shape-mismatch': 'These are the moments of another model; nothing here has the right ones',
  'trainer/incomplete-save': 'The save was cut off before it was done; take the one before it',
  'trainer/loss-non-finite': IN_TRAINING,
  'trainer/loss-jump': IN_TRAINING,
  'trainer/lr-jump': IN_TRAINING,
  'trainer/stale-pointer': 'Which checkpoint is meant cannot be told from the files',
}

const FAMILIES: Readonly<Record<string, string>> = {
  file: 'The bytes that should be there are not; only another copy of the file helps',
  adapter: 'What was not saved cannot be made up; another save of the run may have the file',
  config:
    'It describes the model and cannot be derived from the weights; copy it from another save of the run, or from where the model came from',
  optimizer: 'Training state that was not saved, or not rightly, cannot be made up',
  scheduler: 'Training state that was not saved, or not rightly, cannot be made up',
  rng: 'Random states that were not saved cannot be made up',
  scaler: 'Training state that was not saved cannot be made up',
  sampler: 'Training state that was not saved cannot be made up',
  trainer: 'The files do not agree, and which is right cannot be told from them',
}

/** Why nothing here mends a finding that no step answers. */
export function whyUnmended({ rule }: Finding): string {
  return REASONS[rule] ?? FAMILIES[rule.slice(0, rule.indexOf('/'))] ?? 'No repair for it is known'
}

const NOT_SAVED = /^((optimizer|scheduler|rng|scaler|sampler|trainer)\/(missing|rebuilt)|weights\/borrowed)$/

/** Whether a finding only says what training state was never saved: nothing is wrong with what is there. */
export function isNote({ rule }: Finding): boolean {
  return NOT_SAVED.test(rule)
}

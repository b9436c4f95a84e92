import type { RuleText } from './rule-text'

/** What is wrong with the state of the training beside the weights. */
export const TRAINING_RULES = {
  'optimizer/missing': {
    severity: 'warning',
    title: 'No optimizer state',
    means: 'The optimizer restarts with zero moments; expect a jump in the loss for some hundred steps.',
    mends: 'Look for the optimizer file where the checkpoint was copied from. `save_only_model` writes none.',
  },
  'optimizer/empty-state': {
    severity: 'error',
    title: 'The optimizer state is empty although training has stepped',
    means: 'The optimizer that was saved is not the one that was stepped. On resume it starts over.',
    mends: 'Take an earlier checkpoint, and save the optimizer that `prepare` returned.',
  },
  'optimizer/lost-state': {
    severity: 'warning',
    title: 'The state of some parameters is gone',
    means:
      'These parameters were trained and their moments are not here. They begin again from zero while the others go on: the loss may rise for some hundred steps.',
    mends:
      'Take the optimizer from another copy or an earlier checkpoint. Frozen and never-used parameters have no state.',
  },
  'optimizer/parameter-mismatch': {
    severity: 'error',
    title: 'The optimizer counts other parameters than the weights',
    means: 'Optimizer and weights are of different models, or trained parameters were not saved. Loading fails.',
    mends: 'Take both files from one save; else drop the optimizer state and resume from the weights alone.',
  },
  'optimizer/shape-mismatch': {
    severity: 'error',
    title: "Moments do not have their parameter's shape",
    means: 'The state loads without a word and the first step fails, or moves the wrong values.',
    mends: 'Take both files from one save; else drop the optimizer state and resume from the weights alone.',
  },
  'optimizer/settings-mismatch': {
    severity: 'warning',
    title: 'The optimizer is not the one that the arguments ask for',
    means:
      'Class or settings differ from training_args.bin. A resume goes on with what the optimizer file says; another class fails at its first step.',
    mends: 'Take both files from one save. A script that hands the Trainer an optimizer of its own needs nothing.',
  },
  'optimizer/learning-rate': {
    severity: 'error',
    title: 'A learning rate or setting of the optimizer is impossible',
    means: 'It loads without a word, and the next step makes the weights NaN or walks uphill.',
    mends: 'Set the rate in `param_groups` after loading, to what the scheduler gives; or take an earlier checkpoint.',
  },
  'optimizer/step-mismatch': {
    severity: 'warning',
    title: 'The optimizer counts other steps than the trainer',
    means: 'The parts may come from two saves, or the optimizer was made anew on the way.',
    mends: 'Take all files from one save.',
  },
  'optimizer/non-finite': {
    severity: 'error',
    title: 'Moments are NaN or infinite',
    means: 'The next step makes the weights NaN too.',
    mends: 'Go back to the last checkpoint without them, or drop the optimizer state.',
  },
  'optimizer/negative-second-moment': {
    severity: 'error',
    title: 'A second moment is negative',
    means: 'An average of squares cannot be: parts were joined in the wrong order, or bytes are damaged.',
    mends: 'Take the optimizer from an earlier checkpoint, or drop its state.',
  },
  'optimizer/missing-rank': {
    severity: 'error',
    title: "A rank's part of the optimizer is missing",
    means: 'Each process saved its own part and not all are here. The optimizer cannot be rebuilt whole.',
    mends: 'Collect the files from the disks of all nodes.',
  },

  'optimizer/rebuilt': {
    severity: 'warning',
    title: 'The optimizer state, or a part of it, was made anew by a repair',
    means:
      'The moments that it names, or all, start from zero or are of another save: the loss may rise for some hundred steps, then goes on as before.',
    mends: 'Nothing can be done; an earlier checkpoint that was never repaired resumes exactly.',
  },

  'scheduler/missing': {
    severity: 'warning',
    title: 'No scheduler state',
    means: 'The learning rate starts over from its first value, warmup included.',
    mends: 'Step a new scheduler forward to the saved step before training goes on.',
  },
  'scheduler/learning-rate': {
    severity: 'warning',
    title: 'A learning rate of the scheduler is impossible',
    means: 'Such a rate was in force when it was saved, or the file is damaged. Made of a NaN, rates stay NaN.',
    mends: 'Make the scheduler anew and step it forward to the saved step.',
  },
  'scheduler/rate-mismatch': {
    severity: 'warning',
    title: 'Optimizer and scheduler do not have the same learning rate',
    means: 'One call writes both, so the files are of two saves, or the rate was changed by hand.',
    mends: 'Take both files from one save. A rate that was changed on purpose lasts until the scheduler steps.',
  },
  'scheduler/step-mismatch': {
    severity: 'warning',
    title: 'The scheduler counts other steps than the optimizer',
    means: 'The learning rate will not be the one that belongs to this step.',
    mends: 'Take all files from one save, and resume with as many processes as before.',
  },
  'scheduler/rebuilt': {
    severity: 'warning',
    title: 'The scheduler state was made anew by a repair',
    means: 'The learning rate goes on at the right step, as far as the hyper-parameters are known.',
    mends: 'Nothing can be done; an earlier checkpoint that was never repaired resumes exactly.',
  },
  'rng/missing': {
    severity: 'warning',
    title: 'Random states are missing',
    means: 'Shuffling, dropout and augmentation take another course; the loss goes on smoothly, but not bit for bit.',
    mends: 'Collect the files of all ranks. Where they are gone, resume without them: nothing else is lost.',
  },
  'rng/world-size': {
    severity: 'warning',
    title: 'Random states do not match the number of processes',
    means: 'The training ran on another number of processes than random states were saved for.',
    mends: 'Resume with the number of processes that saved, or have random states made for another number.',
    by: 'repair',
  },
  'rng/malformed': {
    severity: 'warning',
    title: 'A random state would not load',
    means: 'The library it is for would refuse it; most training loops log that in one line and go on without it.',
    mends: 'Take the file from another copy, or resume without it.',
  },
  'rng/rebuilt': {
    severity: 'warning',
    title: 'Random states were made anew by a repair',
    means: 'Shuffling, dropout and augmentation take another course; the loss goes on smoothly, but not bit for bit.',
    mends: 'Nothing can be done; an earlier checkpoint that was never repaired resumes exactly.',
  },
  'scaler/missing': {
    severity: 'warning',
    title: 'No grad-scaler state',
    means: 'The loss scale starts over and the first steps may be skipped.',
    mends: 'Nothing need be done: the scale finds its value again after some steps.',
  },
  'scaler/malformed': {
    severity: 'warning',
    title: 'The grad-scaler state would not load, or no step could be taken from it',
    means: 'Loading fails, or every step is skipped because the scaled gradients are never finite.',
    mends: 'Resume without it: the scale finds its value again after some steps.',
  },
  'scaler/rebuilt': {
    severity: 'warning',
    title: 'The grad-scaler state was made anew by a repair',
    means: 'The loss scale starts over and the first steps may be skipped.',
    mends: 'Nothing can be done; an earlier checkpoint that was never repaired resumes exactly.',
  },
  'sampler/missing': {
    severity: 'warning',
    title: 'No sampler state',
    means: 'Batches that were already seen may come again.',
    mends: 'Skip the batches of the epoch by hand (`skip_first_batches` in Accelerate).',
  },

  'trainer/rebuilt': {
    severity: 'warning',
    title: 'The trainer state was made anew by a repair',
    means: 'The step is that of the other files; parts of the history may be missing.',
    mends: 'Nothing can be done; an earlier checkpoint that was never repaired resumes exactly.',
  },
  'trainer/missing': {
    severity: 'warning',
    title: 'No trainer state',
    means: 'The step, the epoch and the history start from zero.',
    mends: 'Take trainer_state.json from another copy. It is written last: the save may have been cut off.',
  },
  'trainer/step-mismatch': {
    severity: 'warning',
    title: 'Step counts disagree',
    means: 'Files of two saves may lie in one folder, or the folder was renamed.',
    mends: 'Take all files from one save, and give the folder the step that is in it.',
  },
  'trainer/state-contradicts': {
    severity: 'warning',
    title: 'The trainer state contradicts itself',
    means: 'Counts, epoch and log are written in one go: the file was edited, or put together from two saves.',
    mends: 'Take trainer_state.json from another copy of this checkpoint.',
  },
  'trainer/stale-pointer': {
    severity: 'warning',
    title: 'A pointer names a checkpoint that is not there',
    means: 'Resuming by the pointer fails, or the best checkpoint is gone although the run still counts on it.',
    mends: 'Name the checkpoint to resume from yourself, or correct the pointer.',
  },
  'trainer/incomplete-save': {
    severity: 'error',
    title: 'The save was interrupted',
    means: 'Some files are those of this save, others are cut or were never written.',
    mends: 'Resume from the checkpoint before it.',
  },
  'trainer/history-gap': {
    severity: 'info',
    title: 'The history has a gap',
    means: 'Steps are missing from the log: it was resumed without its history, or rows were lost.',
    mends: 'Nothing need be done; the weights are not touched by it.',
  },
  'trainer/loss-non-finite': {
    severity: 'warning',
    title: 'The loss became NaN or infinite',
    means: 'The training had diverged by then. What was saved after it may be worthless.',
    mends: 'Read every value, and go back to a checkpoint before that step.',
    by: 'deep',
  },
  'trainer/loss-jump': {
    severity: 'warning',
    title: 'The loss jumps',
    means: 'It left its course and stayed up: often a resume that lost the optimizer, or another data set.',
    mends: 'Find what happened at that step; a checkpoint before it may be the better one to go on from.',
  },
  'trainer/lr-jump': {
    severity: 'warning',
    title: 'The learning rate jumps',
    means: 'It left its schedule: a resume that lost the scheduler, or was given other settings.',
    mends: 'Compare the settings of both parts of the run; correct the scheduler before training goes on.',
  },
} as const satisfies Record<string, RuleText>

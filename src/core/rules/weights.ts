import type { RuleText } from './rule-text'

/** What is wrong with the model: its tensors, its adapter, its config. */
export const WEIGHT_RULES = {
  'weights/missing': {
    severity: 'error',
    title: 'There are no weights',
    means: 'Nothing here can be loaded as a model.',
    mends: 'Look for the model files where the checkpoint was copied from, or take an earlier checkpoint.',
  },
  'weights/missing-shard': {
    severity: 'error',
    title: 'A shard of the weights is not there',
    means: 'The index names a file that is absent. Some loaders fill its tensors with random values without a word.',
    mends: 'Copy or download the missing shard.',
  },
  'weights/stale-index': {
    severity: 'error',
    title: 'The index does not describe the shards beside it',
    means: 'Files of two saves were mixed, or the index was edited. Tensors are looked for where they are not.',
    mends: 'Where all tensors are there, a repair writes the index anew; else copy the shards of one save.',
    by: 'repair',
  },
  'weights/missing-tensor': {
    severity: 'error',
    title: 'A tensor that belongs here is absent',
    means: 'Loading starts this part of the model from random values, mostly with no more than a warning.',
    mends: 'Take the tensor from a checkpoint that has it: a repair with a reference does.',
    by: 'reference',
  },
  'weights/unexpected-tensor': {
    severity: 'warning',
    title: 'A tensor is here that nothing expects',
    means: 'Loading leaves it out, or fails where it is strict.',
    mends: 'Check that the config and the code are those the model was trained with.',
  },
  'weights/average-only': {
    severity: 'warning',
    title: 'Only a running average of the weights is here',
    means:
      'The weights that the optimizer trained were not saved, or were lost. The average is good to use, and training can only go on from it.',
    mends: 'Look for the file of the model itself, or take an earlier checkpoint that has it.',
  },
  'weights/borrowed': {
    severity: 'warning',
    title: 'Some weights were taken from elsewhere by a repair',
    means:
      'Their own values were lost. They are those of another step of the run, of a running average or of a reference: good to go on from, and not what was trained here.',
    mends: 'Nothing can be done; an earlier checkpoint that was never repaired resumes exactly.',
  },
  'weights/two-saves': {
    severity: 'warning',
    title: 'Weights of two saves lie side by side',
    means:
      'Loaders take one of them and pass over the other: one file before shards, safetensors before .bin. Which was saved last, and belongs to the training state here, no file says.',
    mends: 'Find out which of the two is meant, and move the other away.',
  },
  'weights/flattened': {
    severity: 'error',
    title: 'A tensor was saved one-dimensional; its shape can be restored',
    means: 'All values are there, the shape is not: a sharded wrapper (FSDP, ZeRO) was saved in its inner form.',
    mends: 'A repair gives the tensor its shape back.',
    by: 'repair',
  },
  'weights/rank-shard': {
    severity: 'error',
    title: "A tensor holds one rank's part of the values",
    means: 'Each process saved its own part and only one part is here. The rest of the values is not in this file.',
    mends: 'Find the files of the other ranks, or an earlier checkpoint. No reshape can mend it.',
  },
  'weights/placeholder': {
    severity: 'error',
    title: 'A tensor was saved without its values',
    means: 'The values were on other processes (ZeRO-3, FSDP) or on no device when the model was saved.',
    mends:
      "Rebuild the weights from the ranks' own files (`zero_to_fp32.py` for DeepSpeed), or take an earlier checkpoint.",
  },
  'weights/replicated': {
    severity: 'error',
    title: 'A tensor holds several equal copies of its values',
    means: 'Copies of all ranks were joined into one tensor. Loading fails, as the shape does not fit.',
    mends: 'A repair keeps one of the copies.',
    by: 'repair',
  },
  'weights/shape-mismatch': {
    severity: 'error',
    title: 'A tensor has another shape than it should',
    means: 'Config and weights are of different models, or the tensor was cut. Loading fails.',
    mends: 'Check that config and weights come from one save; else take the tensor from a reference.',
  },
  'weights/layer-gap': {
    severity: 'error',
    title: 'A layer is missing from the sequence',
    means: 'A whole layer was lost in a merge, a gather or a copy. Loading starts it from random values.',
    mends: 'Take the layer from a checkpoint that has it: a repair with a reference does.',
    by: 'reference',
  },
  'weights/wrapper-prefix': {
    severity: 'warning',
    title: 'Names carry the prefix of a wrapper',
    means:
      'torch.compile, DDP, FSDP or a module around the model left its name in those of the tensors. The plain model does not recognise them. Where from_pretrained would find no name at all, and begin with new weights without a word, it is an error.',
    mends: 'A repair takes the prefix away.',
    by: 'repair',
  },
  'weights/non-finite': {
    severity: 'error',
    title: 'Values are NaN or infinite',
    means: 'Training diverged or a conversion overflowed. Everything computed from these values is NaN as well.',
    mends: 'Go back to the last checkpoint without them.',
  },
  'weights/negative-variance': {
    severity: 'error',
    title: 'A running variance is negative',
    means:
      'A batch norm divides by its root, which is NaN: everything the model computes in evaluation is NaN as well.',
    mends:
      'Take the tensor from an earlier checkpoint, or let the norms gather their statistics anew in training mode.',
  },
  'weights/all-zero': {
    severity: 'warning',
    title: 'A tensor holds nothing but zeros',
    means: 'The values may never have been written, or were lost in a merge. Some modules start that way on purpose.',
    mends: 'Compare with an earlier checkpoint.',
    by: 'diff',
  },
  'weights/constant': {
    severity: 'info',
    title: 'A tensor holds one value throughout',
    means: 'Trained matrices are not constant; it may have been created anew.',
    mends: 'Compare with an earlier checkpoint.',
    by: 'diff',
  },
  'weights/zero-run': {
    severity: 'error',
    title: 'A long run of zeros lies inside a tensor',
    means:
      'A part of the file was never written: a crash before the flush, or a failed copy. The values there are lost.',
    mends: 'Copy the file again, or take the tensor from a reference.',
  },
  'weights/dtype-drift': {
    severity: 'info',
    title: 'Weights have another dtype than the config says',
    means: 'The file is twice as large as meant, or has half the precision.',
    mends: 'If it was not meant, an export writes the dtype you want.',
    by: 'dtype',
  },
  'weights/storage-bloat': {
    severity: 'warning',
    title: 'The file stores far more than its tensors use',
    means: 'Views were saved together with the whole storage they look at. The file is larger than it need be.',
    mends: 'A repair stores only what is used; so does an export.',
    by: 'repair',
  },
  'weights/duplicate-copies': {
    severity: 'info',
    title: 'The same weights are stored several times',
    means: 'Every process saved the whole model, or one model lies here in several forms. It costs disk, nothing else.',
    mends: 'Keep one of the files.',
  },
  'weights/tied-differs': {
    severity: 'warning',
    title: 'Weights that should be tied have different values',
    means: 'The config ties two tensors, the file has different values for them. Loading keeps only one of the two.',
    mends:
      'Find out which of the two was trained. A repair makes them one; set `tie_word_embeddings` to false to keep both.',
    by: 'repair',
  },

  'adapter/missing-config': {
    severity: 'error',
    title: 'adapter_config.json is missing',
    means: 'The rank, the scaling and the targets of the adapter are unknown: PEFT cannot load it.',
    mends: 'Copy adapter_config.json from the same training; all of its checkpoints have the same.',
  },
  'adapter/missing-weights': {
    severity: 'error',
    title: 'The adapter weights are missing',
    means: 'Only the description of the adapter is here, none of what was trained.',
    mends: 'Look for adapter_model.safetensors where the checkpoint was copied from, or take an earlier checkpoint.',
  },
  'adapter/empty': {
    severity: 'error',
    title: 'The adapter file holds no tensors',
    means: 'A callback saved an empty state dict, or a process that held nothing. What was trained is not here.',
    mends: 'Take an earlier checkpoint, and let the process that has the weights save them.',
  },
  'adapter/rank-mismatch': {
    severity: 'error',
    title: 'LoRA factors have another rank than the config',
    means: 'PEFT builds the adapter by the rank in adapter_config.json and then fails to load these tensors.',
    mends:
      'Copy adapter_config.json and the weights of one save; or set `r` (and `rank_pattern`) to what the factors have.',
  },
  'adapter/target-mismatch': {
    severity: 'error',
    title: 'The adapter has tensors of modules that its config does not name',
    means:
      'PEFT builds nothing there. Factors of a LoRA are left out without a word, and what they learned is not used; whole modules are loaded and no longer trained.',
    mends:
      'Copy adapter_config.json and the weights of one save; or add the modules to `target_modules` or `modules_to_save`.',
  },
  'adapter/untrained': {
    severity: 'warning',
    title: 'The adapter adds nothing to the model',
    means:
      'The second factor of a LoRA starts at zero. Where all are zero after some steps, no gradient reached them, or the values were lost.',
    mends:
      'See that the adapter is the part that is trained and its parameters are in the optimizer; compare with an earlier checkpoint.',
    by: 'diff',
  },

  'config/missing': {
    severity: 'warning',
    title: 'config.json is missing',
    means: 'The weights load only into a model that was built by hand with the right sizes.',
    mends: 'Copy config.json from the base model or from another checkpoint of the run.',
  },
  'config/mismatch': {
    severity: 'error',
    title: 'config.json is of another model than the weights',
    means:
      'A model built by this config cannot take these weights: loading fails, or leaves them out and starts from random values.',
    mends: 'Copy config.json from another checkpoint of the same run, or from the base model.',
  },
  'tokenizer/missing': {
    severity: 'info',
    title: 'No tokenizer files',
    means: 'The model can be trained on, but text needs the tokenizer it was trained with.',
    mends: 'Copy the tokenizer from the base model, or give it to the Trainer as `processing_class`.',
  },
} as const satisfies Record<string, RuleText>

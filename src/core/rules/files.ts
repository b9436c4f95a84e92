import type { RuleText } from './rule-text'

/** What is wrong with a file itself, whatever it should hold. */
export const FILE_RULES = {
  'file/truncated': {
    severity: 'error',
    title: 'The file ends before its contents do',
    means: 'A copy, a download or a save was cut off. What lies behind the cut is gone, what lies before it is whole.',
    mends: 'Copy or download the file again. If there is no other copy, a repair saves the tensors that are whole.',
    by: 'repair',
  },
  'file/empty': {
    severity: 'error',
    title: 'The file has no bytes',
    means: 'The save was interrupted before anything was written, or the disk was full.',
    mends: 'Take the file from another copy or an earlier checkpoint.',
  },
  'file/zeroed': {
    severity: 'error',
    title: 'The file is nothing but zero bytes',
    means: 'Room was made for the file, its contents were never written: a crash before the flush, or a failed copy.',
    mends: 'Take the file from another copy or an earlier checkpoint.',
  },
  'file/not-downloaded': {
    severity: 'error',
    title: 'A Git LFS pointer stands where the file belongs',
    means:
      'The repository was cloned without Git LFS: the file is a note of some lines that says where the real one is.',
    mends: 'Run `git lfs pull` in the repository, or download the file from its page.',
  },
  'file/not-a-checkpoint': {
    severity: 'error',
    title: 'The file is a page or a text, not a checkpoint',
    means: 'A download saved an error page, a login page or a text under the name of the checkpoint.',
    mends: 'Download the file again, signed in where that is asked for.',
  },
  'file/bad-header': {
    severity: 'error',
    title: 'The header cannot be understood',
    means: 'The part that says where the tensors lie contradicts itself or the file. Loaders refuse the file.',
    mends:
      'Take the file from another copy. If there is none, a repair saves the tensors that the header leaves in no doubt, and asks about the others.',
    by: 'repair',
  },
  'file/overlap': {
    severity: 'error',
    title: 'Two tensors claim the same bytes',
    means: 'The header was damaged or made by hand: at least one of the two tensors has the values of the other.',
    mends:
      'Take the file from another copy. If there is none, a repair saves all other tensors, finds the right place where there is only one, and else asks.',
    by: 'repair',
  },
  'file/checksum': {
    severity: 'error',
    title: 'Bytes differ from the checksum stored with them',
    means: 'Bits have flipped since the file was written. PyTorch does not check this and loads the wrong values.',
    mends: 'Take the file from another copy; only the tensors that the finding names are touched.',
  },
  'file/unreadable': {
    severity: 'error',
    title: 'The system refuses to read the file',
    means: 'There is no such file, no permission, or the disk reports an error.',
    mends: 'Check the path and its permissions, and the disk where the error comes from there.',
  },
  'file/changed': {
    severity: 'error',
    title: 'The file changed while it was read',
    means: 'Something writes to it, most likely a training that is saving. What was read mixes old and new.',
    mends: 'Wait until the save is done and look again.',
  },
  'file/path-escape': {
    severity: 'error',
    title: 'A name points outside the checkpoint',
    means: 'A name in an index or an archive climbs out of its folder. A careless loader would read or write there.',
    mends: 'Do not load the checkpoint before the name is corrected; ask whoever made it.',
  },
  'file/unknown-format': {
    severity: 'warning',
    title: 'The format is not known to Assay',
    means: 'The file may be in order; Assay cannot tell and vouches for nothing in it.',
    mends: 'Check it with the program that wrote it.',
  },
  'file/resource-bomb': {
    severity: 'error',
    title: 'The file would grow beyond all measure when read',
    means: 'A few bytes claim to unfold into more than any checkpoint holds. Loading could exhaust the memory.',
    mends: 'Do not load it; get the checkpoint from a source you trust.',
  },
  'file/odd-name': {
    severity: 'error',
    title: 'Names hold control characters or collide with the reader',
    means: 'Names are made to mislead whoever looks at them, or other tools that read them.',
    mends: 'Get the checkpoint from a source you trust.',
  },
} as const satisfies Record<string, RuleText>

/** What a pickled file would do when it is loaded. */
export const PICKLE_RULES = {
  'pickle/dangerous': {
    severity: 'error',
    title: 'Loading this file would run code',
    means: 'The pickle calls functions that no checkpoint needs, such as starting a program. Assay runs none of them.',
    mends:
      'Do not load it. A repair writes a copy without these calls and lists what is left out; an export writes the weights alone.',
    by: 'repair',
  },
  'pickle/malformed': {
    severity: 'error',
    title: 'The pickle cannot be decoded',
    means: 'The file is cut, damaged, or made to break its readers. What comes behind the fault is lost.',
    mends: 'Take the file from another copy.',
  },
  'pickle/not-weights-only': {
    severity: 'info',
    title: 'torch.load(weights_only=True) would refuse this file',
    means: 'It holds objects besides tensors and plain values. Since torch 2.6 the default refuses such files.',
    mends:
      'A repair writes a copy with plain values for the objects; where you trust the file, `torch.serialization.add_safe_globals` admits its classes.',
    by: 'repair',
  },
} as const satisfies Record<string, RuleText>

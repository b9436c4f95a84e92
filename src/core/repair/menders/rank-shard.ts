import { joinPath, listFolder, parentOf, pathKind } from '../../bytes/folder'
import type { Checkpoint } from '../../checkpoint/checkpoint'
import type { Tensor } from '../../checkpoint/tensor'
import type { Whole } from '../../decode/pickle/torch'
import { list, shapeText } from '../../verify/text'
import type { Context } from '../context'
import type { Proposal } from '../steps'

/** Says of every rank's part why it is left as it is, and what would help: once for the parts of one tensor that are alike. */
export function rankShard({ checkpoint, weights, diagnoses, join }: Context): Proposal[] {
  const told = new Set<string>()
  return weights.flatMap((tensor) => {
    const part = `${tensor.name} ${tensor.shape}`
    if (told.has(part)) return []
    told.add(part)
    return refusalOf(tensor, { checkpoint, diagnoses, join })
  })
}

function refusalOf(
  tensor: Tensor,
  { checkpoint, diagnoses, join }: Pick<Context, 'checkpoint' | 'diagnoses' | 'join'>,
): Proposal[] {
  if (tensor.whole) return [pieceProposal(tensor, tensor.whole, checkpoint)]
  const diagnosis = diagnoses.get(tensor)
  if (diagnosis?.kind !== 'rank-shard') return []
  const { split, expected } = diagnosis
  const part = split ? `one of ${split.ranks} equal parts` : 'a part'
  const whole = expected ? ` of ${shapeText(expected.shape)}` : ' of a larger tensor'
  const others = rankFilesBeside(checkpoint, tensor.file)
  const help = helpFrom(others, split?.ranks, typeof join === 'string' ? join : undefined)
  const proposal: Proposal = {
    kind: 'refuse',
    subject: tensor.name,
    action: `Leave ${tensor.name} as it is`,
    evidence: `Its ${tensor.shape[0]} values are ${part}${whole}: no reshape makes them whole. ${help}`,
    confidence: 'refused',
    rules: ['weights/rank-shard'],
    before: shapeText(tensor.shape),
  }
  return [proposal]
}

/** A piece that says itself where it belongs: those of all ranks are put together when their folder is opened. */
function pieceProposal(tensor: Tensor, { shape, processes }: Whole, checkpoint: Checkpoint): Proposal {
  const others = rankFilesBeside(checkpoint, tensor.file)
  const all = processes !== undefined && others.length === processes
  const help = all
    ? `The files of all ranks are here (${list(others, 8)}): open their folder, which puts them together, and export it`
    : helpFrom(others, processes)
  return {
    kind: 'refuse',
    subject: tensor.name,
    action: `Leave ${tensor.name} as it is`,
    evidence: `It is one process's piece ${shapeText(tensor.shape)} of ${shapeText(shape)}; the rest is not in ${tensor.file}. ${help}`,
    confidence: 'refused',
    rules: ['weights/rank-shard'],
    before: shapeText(tensor.shape),
  }
}

/** `why`: why those that are here cannot be joined. */
function helpFrom(files: readonly string[], ranks: number | undefined, why?: string): string {
  if (files.length < 2) {
    const needed = ranks === undefined ? 'the files of all ranks' : `the files of all ${ranks} ranks`
    return `It takes ${needed}, or a checkpoint saved with the full state dict; only this one is here`
  }
  const all = ranks === undefined || files.length === ranks
  if (why !== undefined) return `${files.length} ranks' files are here (${list(files, 8)}) and cannot be joined: ${why}`
  return all
    ? `The files of all ranks are here (${list(files, 8)}) and may hold everything: open their folder, where they are joined if config.json or a reference tells how`
    : `${files.length} of ${ranks} ranks' files are here (${list(files, 8)}); the others are needed as well`
}

/** Files of the same name but for the rank, relative to the folder of `file`. */
function rankFilesBeside(checkpoint: Checkpoint, file: string): string[] {
  const root = pathKind(checkpoint.path) === 'folder' ? checkpoint.path : parentOf(checkpoint.path)
  const pattern = (name: string) => name.replace(/rank[_-]?\d+/i, 'rank*')
  const own = file.slice(file.lastIndexOf('/') + 1)
  if (pattern(own) === own) return []
  return listFolder(parentOf(joinPath(root, file)), 1)
    .filter(({ kind, path }) => kind === 'file' && pattern(path) === pattern(own))
    .map(({ path }) => path)
}

import type { OpenedCheckpoint } from '../../../contract/contract'

/** A place beside the checkpoint for what is made from it: `model-repaired.safetensors`, `checkpoint-500-repaired`. */
export function besideOf(
  checkpoint: Pick<OpenedCheckpoint, 'path' | 'layout'>,
  suffix: string,
  extension?: string,
): string {
  const { path, layout } = checkpoint
  const dot = path.lastIndexOf('.')
  const slash = Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\'))
  const isFile = layout === 'file' && dot > slash + 1
  const stem = isFile ? path.slice(0, dot) : path.replace(/[\\/]+$/, '')
  return `${stem}-${suffix}${extension ?? (isFile ? path.slice(dot) : '')}`
}

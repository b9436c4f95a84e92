import type { ChangedFile } from './changes'
import type { PlannedFile, RepairStep, Unmended } from './steps'

/** Name of the file beside a repaired checkpoint that tells what was done to it. */
export const RECORD = 'assay-repair.json'

/** The metadata of a repaired safetensors file: the original's, and under `assay.repair` the steps that touched the file. */
export function stampedMetadata({ file, steps }: ChangedFile): Record<string, string> {
  const done = steps.map(({ kind, subject, action, evidence }) => ({ kind, subject, action, evidence }))
  return { format: 'pt', ...file.metadata, 'assay.repair': JSON.stringify(done) }
}

/** The text of `assay-repair.json`. `previous` is the record of an earlier repair of the source, where there is one. */
export function recordText(facts: {
  readonly source: string
  readonly steps: readonly RepairStep[]
  readonly unmended: readonly Unmended[]
  readonly files: readonly PlannedFile[]
  readonly previous?: unknown
}): string {
  const { source, steps, unmended, files, previous } = facts
  const record = {
    schema: 1,
    source,
    repaired: new Date().toISOString(),
    steps: steps.map(({ step, kind, subject, action, evidence, confidence, before, after }) => ({
      ...{ step, kind, subject, action, evidence, confidence },
      ...(before !== undefined && { before }),
      ...(after !== undefined && { after }),
    })),
    unmended,
    files: files.map(({ path, action }) => ({ path, action })),
    ...(previous !== undefined && { previous }),
  }
  return `${JSON.stringify(record, null, 2)}\n`
}

import type { Checkpoint } from '../checkpoint/checkpoint'
import { diagnose } from '../verify/shapes/diagnosis'
import { shapeText } from '../verify/text'
import type { ExportResult } from './export'

/** Tensors that an index names and no file holds, and files of weights that tell no tensor at all: an export lacks them. */
export function absentTensors({ findings, files, components }: Checkpoint): ExportResult['left'] {
  const absent = findings.flatMap(({ rule, subject, evidence }) => {
    if (rule === 'weights/stale-index' && evidence?.absent !== undefined) {
      return [{ name: subject, why: `${String(evidence.shard)} does not hold it, although the index says so` }]
    }
    if (rule !== 'weights/missing-shard') return []
    const names = Array.isArray(evidence?.tensors) ? evidence.tensors.map(String) : []
    const more = Number(evidence?.count ?? 0) - names.length
    const told = names.map((name) => ({ name, why: `it was in ${subject}, which is not here` }))
    if (names.length > 0 && more <= 0) return told
    const rest = names.length > 0 ? `${more} more tensors were in it, and it is not here` : 'it is not here'
    return [...told, { name: subject, why: rest }]
  })
  const ofWeights = new Set(components.filter(({ id }) => id === 'weights').flatMap((component) => component.files))
  const unread = files.flatMap(({ path, tensors, findings: own }) => {
    const why = own.find(({ severity }) => severity === 'error')?.message
    return ofWeights.has(path) && tensors.length === 0 && why !== undefined ? [{ name: path, why }] : []
  })
  return [...absent, ...unread]
}

/** Tensors that are written as they are although their shape is wrong, and what a repair may do about it. */
export function misshapenTensors(checkpoint: Checkpoint, written: ReadonlySet<string>): ExportResult['warnings'] {
  return diagnose(checkpoint).flatMap((diagnosis) => {
    const { tensor, kind } = diagnosis
    if (!written.has(tensor.name)) return []
    const expected = 'expected' in diagnosis ? diagnosis.expected : undefined
    const wanted = expected ? `, ${shapeText(expected.shape)} is expected (says ${expected.source})` : ''
    return [{ name: tensor.name, why: `${WORDS[kind]}, as ${shapeText(tensor.shape)}${wanted}; repair first` }]
  })
}

const WORDS = {
  flattened: 'its values lie in one dimension',
  'flattened-rows': 'its values lie in one dimension',
  'flattened-alike': 'its values seem to lie in one dimension',
  'rank-shard': "it is one rank's part",
  placeholder: 'it is a placeholder without values',
  multiple: 'it has several times the values it should have',
  misshapen: 'it has the wrong shape',
} as const

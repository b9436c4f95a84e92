import type { ComponentId } from '../checkpoint/checkpoint'
import { RECORD } from '../checkpoint/rebuilt'
import { byteLength } from '../checkpoint/tensor'
import type { OutputTensor } from '../write/output'
import { layoutSafetensors, writeSafetensors } from '../write/safetensors'
import { writeTorchZip } from '../write/torch-zip'
import { metadataOf } from './provenance'
import type { NewFile } from './steps'

/** A file of tensors in the format that its name asks for, with the mark of the repair inside. */
export function modelFile(path: string, component: ComponentId, outputs: readonly OutputTensor[]): NewFile {
  const bytes = outputs.reduce((sum, tensor) => sum + byteLength(tensor) + 512 + 4 * tensor.name.length, 4096)
  if (!path.endsWith('.safetensors')) {
    return {
      path,
      component,
      bytes,
      write: (sink, record, options) => writeTorchZip(sink, outputs, options, new Map([[RECORD, record]])),
    }
  }
  return {
    path,
    component,
    bytes: layoutSafetensors(outputs, metadataOf('[]')).size,
    write: (sink, record, options) => writeSafetensors(sink, outputs, metadataOf(record), options),
  }
}

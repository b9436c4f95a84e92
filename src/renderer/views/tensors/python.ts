import type { OpenedCheckpoint } from '../../../contract/contract'
import type { TensorRow } from '../../../contract/schemas'
import { pythonString } from '../../ui/python'

/** Python that loads the tensor: a line or two to paste. */
export function asPython(checkpoint: OpenedCheckpoint, row: TensorRow): string {
  const file = checkpoint.files.find((candidate) => candidate.path === row.file)
  const separator = checkpoint.path.includes('\\') ? '\\' : '/'
  const isFolder = !checkpoint.path.endsWith(row.file)
  const path = isFolder ? `${checkpoint.path}${separator}${row.file.replaceAll('/', separator)}` : checkpoint.path
  if (file?.kind === 'safetensors') {
    return [
      'from safetensors import safe_open',
      `with safe_open(${pythonString(path)}, framework="pt") as f:`,
      `    tensor = f.get_tensor(${pythonString(row.name)})`,
    ].join('\n')
  }
  if (file?.kind === 'dcp') {
    const folder = path.slice(0, -row.file.length) + row.file.replace(/[^/]*$/, '').replaceAll('/', separator)
    return [
      'import torch',
      'from torch.distributed.checkpoint.format_utils import dcp_to_torch_save',
      `dcp_to_torch_save(${pythonString(folder)}, "full.pt")  # gathers all tensors`,
      `state = torch.load("full.pt", weights_only=False)  # the tensor is at ${pythonString(row.name)}`,
    ].join('\n')
  }
  const load = `torch.load(${pythonString(path)}, map_location="cpu", weights_only=True)`
  if (row.component === 'weights') return `import torch\ntensor = ${load}[${pythonString(row.name)}]`
  // Beyond the weights a name is the path through nested objects, whose keys need not be text.
  return `import torch\nstate = ${load}  # the tensor is at ${pythonString(row.name)}`
}

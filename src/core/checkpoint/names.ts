const CONTAINERS = new Set(['_modules', '_parameters', '_buffers'])

/**
 * The state-dict key of a tensor found inside a pickled `nn.Module`: `_modules.fc._parameters.weight` is `fc.weight`
 * (torch/nn/modules/module.py, `__dict__` of a module). Other paths stay as they are.
 */
export function stateDictName(path: string): string {
  if (!path.includes('_parameters.') && !path.includes('_buffers.')) return path
  return path
    .split('.')
    .filter((part) => !CONTAINERS.has(part))
    .join('.')
}

/** The first few of many names, for a sentence. */
export function some(names: readonly string[], most = 3): string {
  const shown = names.slice(0, most).join(', ')
  return names.length > most ? `${shown} and ${names.length - most} more` : shown
}

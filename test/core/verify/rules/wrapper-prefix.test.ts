import { expect, test } from 'vitest'
import { wrapperPrefix } from '../../../../src/core/verify/rules/wrapper-prefix'
import { checkpointOf, findingsOf } from '../handmade'

const subjects = async (names: string[]) => {
  const found = await findingsOf(
    wrapperPrefix,
    checkpointOf({ tensors: names.map((name) => ({ name, shape: [2, 2] })) }),
  )
  return found.map(({ subject }) => subject)
}

test('a prefix of all names is one finding, however many wrappers made it', async () => {
  expect(await subjects(['module.a.weight', 'module.b.weight'])).toEqual(['module.'])
  expect(await subjects(['module._orig_mod.a.weight', 'module._orig_mod.b.weight'])).toEqual(['module._orig_mod.'])
  expect(await subjects(['_forward_module.model.a.weight'])).toEqual(['_forward_module.'])
})

test('the counter of an AveragedModel stands outside of its prefix, and names it', async () => {
  const tensors = [
    { name: 'n_averaged', shape: [], dtype: 'int64' as const },
    { name: 'module.a.weight', shape: [2] },
  ]
  const [found] = await findingsOf(wrapperPrefix, checkpointOf({ tensors }))
  expect(found).toMatchObject({ subject: 'module.', evidence: { averaged: true, tensors: 1 } })
})

test('segments that only wrappers use are told wherever they stand', async () => {
  expect(await subjects(['model._orig_mod.a.weight', 'head.weight'])).toEqual(['_orig_mod.'])
  expect(await subjects(['layers.0._fsdp_wrapped_module._checkpoint_wrapped_module.a.weight', 'b.weight'])).toEqual([
    '_fsdp_wrapped_module.',
    '_checkpoint_wrapped_module.',
  ])
})

test('a module called module is nobody’s wrapper', async () => {
  expect(await subjects(['module.a.weight', 'head.weight'])).toEqual([])
  expect(await subjects(['model.module.weight', 'modules.a.weight'])).toEqual([])
})

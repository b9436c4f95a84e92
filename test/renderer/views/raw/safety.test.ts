import { expect, it } from 'vitest'
import type { PickledFile } from '../../../../src/contract/schemas'
import { importsOf, refusedIn, safetyOf } from '../../../../src/renderer/views/raw/safety'

const use = (path: string, verdict: 'safe' | 'unknown' | 'dangerous', allowed: boolean) => {
  const dot = path.lastIndexOf('.')
  return { module: path.slice(0, dot), name: path.slice(dot + 1), verdict, allowed }
}
const pickle: PickledFile = {
  file: 'model.pt',
  globals: [
    use('collections.OrderedDict', 'safe', true),
    use('my.Thing', 'unknown', false),
    use('posix.system', 'dangerous', false),
    use('my.Thing', 'unknown', false),
  ],
  refusals: [{ module: 'my', name: 'Thing', where: ['config'], path: [2] }],
  admit: null,
}

it('lists every import once, the worst first', () => {
  expect(importsOf(pickle).map(({ name }) => name)).toEqual(['system', 'Thing', 'OrderedDict'])
})

it('calls a file what the worst of its imports is called', () => {
  expect(safetyOf(pickle)).toBe('dangerous')
  expect(safetyOf({ ...pickle, globals: [] })).toBe('safe')
  expect(safetyOf({ ...pickle, globals: [], error: 'it ends without STOP' })).toBe('unknown')
})

it('counts what is imported and dropped among what is refused, without a place', () => {
  expect(refusedIn(pickle)).toEqual([{ path: 'my.Thing', place: pickle.refusals[0] }, { path: 'posix.system' }])
})

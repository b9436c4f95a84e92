import { expect, test } from 'vitest'
import { AssayError } from '../../src/core/errors'
import { finding } from '../../src/core/finding'

test('a message stays readable, however long the names in it are', () => {
  const { message, severity } = finding('file/bad-header', 'model.pt', `model.pt: ${'x'.repeat(1_000_000)} is odd`)
  expect(severity).toBe('error')
  expect(message).toHaveLength(1001)
  expect(new AssayError('file/bad-header', 'x'.repeat(1_000_000)).message).toHaveLength(1001)
  expect(finding('file/empty', 'a', 'a has no bytes').message).toBe('a has no bytes')
})

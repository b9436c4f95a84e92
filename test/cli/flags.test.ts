import { expect, test } from 'vitest'
import { withFlags } from '../../src/cli/text/flags'
import { whyUnmended } from '../../src/core/repair/unmended'

const why = (rule: 'weights/missing-shard' | 'weights/flattened' | 'pickle/dangerous') =>
  whyUnmended({ rule, severity: 'error', subject: 'x', message: '', evidence: {} })

test('what a reason advises is named as the option that does it, and the reason itself names none', () => {
  expect(why('weights/flattened')).not.toContain('--')
  expect(withFlags(why('weights/flattened'))).toMatch(/\(--reference, --shape NAME=2,3\)$/)
  expect(withFlags(why('weights/missing-shard'))).toMatch(/\(--reference\)$/)
  expect(withFlags(why('pickle/dangerous'))).not.toContain('--')
})

import { describe, expect, it } from 'vitest'
import type { Finding } from '../../../../src/contract/schemas'
import { groupByRule } from '../../../../src/renderer/views/overview/group'

const finding = (rule: string, severity: Finding['severity']): Finding => ({
  rule,
  severity,
  subject: 's',
  message: 'm',
})

describe('findings', () => {
  it('of one rule are one entry: the worst first, then the one with most', () => {
    const groups = groupByRule([
      finding('tokenizer/missing', 'info'),
      finding('rng/missing', 'warning'),
      finding('weights/non-finite', 'error'),
      finding('weights/flattened', 'error'),
      finding('weights/flattened', 'error'),
      finding('rng/missing', 'info'),
    ])
    expect(groups.map(({ rule, severity, findings }) => [rule, severity, findings.length])).toEqual([
      ['weights/flattened', 'error', 2],
      ['weights/non-finite', 'error', 1],
      ['rng/missing', 'warning', 2],
      ['tokenizer/missing', 'info', 1],
    ])
  })
})

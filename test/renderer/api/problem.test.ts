import { ORPCError } from '@orpc/client'
import { describe, expect, it } from 'vitest'
import { EngineStopped } from '../../../src/renderer/api/connection'
import { isCancelled, problemOf, reportOf } from '../../../src/renderer/api/problem'

const refused = new ORPCError('ASSAY', {
  message: 'model.safetensors ends at 12 bytes; its header says 800',
  data: { code: 'file/truncated', file: 'model.safetensors', offset: 12, hint: 'Download it again.' },
})

describe('a problem', () => {
  it('takes what is wrong, what to do, and where from the engine', () => {
    expect(problemOf(refused)).toEqual({
      title: 'model.safetensors ends at 12 bytes; its header says 800',
      hint: 'Download it again.',
      code: 'file/truncated',
      file: 'model.safetensors',
      offset: 12,
    })
  })

  it('says what an engine that stopped means and that one may try again', () => {
    const { code, hint } = problemOf(new EngineStopped())
    expect(code).toBe('engine/stopped')
    expect(hint).toContain('Try once more')
  })

  it('takes any other thrown thing by its words', () => {
    expect(problemOf('odd')).toEqual({ title: 'odd', code: 'internal' })
  })

  it('is not made of a cancelled call', () => {
    expect(isCancelled(new ORPCError('ASSAY', { data: { code: 'cancelled' } }))).toBe(true)
    expect(isCancelled(new DOMException('stop', 'AbortError'))).toBe(true)
    expect(isCancelled(refused)).toBe(false)
  })

  it('is reported with versions', () => {
    expect(reportOf(problemOf(refused), { electron: '25.1.1', node: '18.15' })).toBe(
      [
        'model.safetensors ends at 12 bytes; its header says 800',
        'Download it again.',
        'code: file/truncated',
        'file: model.safetensors',
        'offset: 12',
        'electron 25.1.1, node 18.15',
      ].join('\n'),
    )
  })
})

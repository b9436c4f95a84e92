import { describe, expect, it } from 'vitest'
import { matcherOf } from '../../../../src/renderer/views/tensors/search'

const NAME = 'model.layers.7.self_attn.q_proj.weight'

describe('the search', () => {
  it.each([
    ['', true],
    ['q_proj', true],
    ['WEIGHT attn', true],
    ['attn bias', false],
    ['*.q_proj.*', true],
    ['*q_proj', false],
    ['model.layers.?.*', true],
    ['model.layers.??.*', false],
    ['model.layers.[7]*', false],
  ])('by %j: %s', (query, found) => {
    expect(matcherOf(query).matches(NAME)).toBe(found)
  })

  it('takes a regular expression only between slashes', () => {
    expect(matcherOf('/layers\\.\\d\\./').matches(NAME)).toBe(true)
    expect(matcherOf('layers\\.\\d\\.').matches(NAME)).toBe(false)
  })

  it('says what is wrong with one, and lets everything through meanwhile', () => {
    const { matches, problem } = matcherOf('/layers.(/')
    expect(matches(NAME)).toBe(true)
    expect(problem).toContain('Not a regular expression')
  })

  it('says of a pattern that it is of the whole name, and how to find it anywhere', () => {
    expect(matcherOf('q_proj*').hint).toContain('*q_proj*')
    expect(matcherOf('*q_proj*').hint).toBeUndefined()
    expect(matcherOf('q_proj').hint).toBeUndefined()
  })

  it('finds by a glob what spans lines', () => {
    expect(matcherOf('a*b').matches('a\n\nb')).toBe(true)
  })
})

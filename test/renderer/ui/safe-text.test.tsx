import { renderToStaticMarkup } from 'react-dom/server'
import { describe, expect, it } from 'vitest'
import { pythonString } from '../../../src/renderer/ui/python'
import { pieces, SafeText, visible } from '../../../src/renderer/ui/safe-text'

describe('text from files', () => {
  it.each([
    ['\x1b[31mred', '\\x1b[31mred'],
    ['two\nlines\t\r\0', 'two\\nlines\\t\\r\\0'],
    ['a\u202egnp.exe', 'aU+202Egnp.exe'],
    ['zero\u200bwidth\ufeff', 'zeroU+200BwidthU+FEFF'],
    ['\u2066isolated\u2069', 'U+2066isolatedU+2069'],
    ['c1\x85', 'c1\\x85'],
    ['half \ud800', 'half U+D800'],
    ['tag \u{e0041}', 'tag U+E0041'],
  ])('%j is written %s', (text, shown) => {
    expect(visible(text)).toBe(shown)
  })

  it.each(['transformer.h.0.attn.c_attn.weight', 'Größe', '重み', '👩‍🚀'.replace('\u200d', ''), 'עברית'])(
    'leaves %s as it is',
    (text) => {
      expect(visible(text)).toBe(text)
    },
  )

  it('comes apart into plain and written pieces in turn', () => {
    expect(pieces('a\nb\x1bc')).toEqual(['a', '\\n', 'b', '\\x1b', 'c'])
  })

  it('is markup only to those who wrote it', () => {
    const html = renderToStaticMarkup(<SafeText>{'<img src=x onerror=alert(1)>\u202e'}</SafeText>)
    expect(html).toContain('&lt;img src=x onerror=alert(1)&gt;')
    expect(html).toContain('U+202E')
    expect(html).not.toContain('<img')
    expect(html).not.toContain('\u202e')
  })

  it.each([
    ['model.layers.0.weight', '"model.layers.0.weight"'],
    ['say "hi" \\', '"say \\"hi\\" \\\\"'],
    ['\n"]; import os', '"\\x0a\\"]; import os"'],
    ['ü\u202e👍', '"\\xfc\\u202e\\U0001f44d"'],
  ])('%j pastes into Python as %s', (text, literal) => {
    expect(pythonString(text)).toBe(literal)
  })
})

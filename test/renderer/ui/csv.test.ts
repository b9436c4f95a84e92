import { describe, expect, it } from 'vitest'
import { toCsv } from '../../../src/renderer/ui/csv'

describe('CSV', () => {
  it('quotes what has commas, quotes or line ends', () => {
    expect(toCsv([['a,b', 'say "hi"', 'two\nlines', 1.5, null, undefined]])).toBe(
      '"a,b","say ""hi""","two\nlines",1.5,,',
    )
  })

  it('keeps a name from being a formula', () => {
    expect(toCsv([['=HYPERLINK("http://x")', '+1', '-1', '@x', -1]])).toBe(
      '"\'=HYPERLINK(""http://x"")",\'+1,\'-1,\'@x,-1',
    )
  })

  it('ends lines as RFC 4180 does', () => {
    expect(toCsv([['a'], ['b']])).toBe('a\r\nb')
  })
})

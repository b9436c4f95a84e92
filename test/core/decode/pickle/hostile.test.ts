import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { decodePickle } from '../../../../src/core/decode/pickle/machine'
import { plainOf } from '../../../../src/core/decode/pickle/plain-of'
import { findTensors } from '../../../../src/core/decode/pickle/torch'
import { casesLike, goldenPath, truthOf } from '../../../golden/cases'

const CODES: Readonly<Record<string, string>> = {
  'malformed-pickle': 'pickle/malformed',
  'resource-bomb': 'file/resource-bomb',
}
// Archives are what scan is tested with; safetensors have no pickle.
const cases = casesLike('hostile-').filter(
  (name) => !/-(st|torch-zip|zip|storage-lies|second-pickle)-/.test(`${name}-`),
)

it('covers the hand-written pickles', () => expect(cases.length).toBe(31))

describe.each(cases)('%s', (name) => {
  const [finding] = truthOf(name).expect.findings
  const decoded = decodePickle(new Uint8Array(readFileSync(goldenPath(name))), { name })

  it('is what truth says it is', () => {
    const dangerous = decoded.globals.filter(({ verdict }) => verdict === 'dangerous')
    const paths = dangerous.map((use) => `${use.module}.${use.name}`.replace('__builtin__', 'builtins'))
    if (finding?.rule === 'dangerous-global') {
      expect(paths.some((path) => path === finding.subject || path.endsWith(`.${finding.subject}`))).toBe(true)
    } else {
      expect(paths).toEqual([])
      expect(decoded.error?.code).toBe(CODES[finding?.rule ?? ''])
    }
  })

  it('can be walked, or has no value', () => {
    if (decoded.value === undefined) expect(decoded.error).toBeDefined()
    else {
      expect(findTensors(decoded.value)).toEqual([])
      expect(JSON.stringify(plainOf(decoded.value)).length).toBeLessThan(1000)
    }
  })
})

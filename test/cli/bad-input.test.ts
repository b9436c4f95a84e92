import { existsSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { type ScanReport, scanReport, verification } from '../../src/contract/schemas'
import { casesLike, goldenPath, truthOf } from '../golden/cases'
import { assay, assayJson } from './run'

const cases = [...casesLike('damaged-'), ...casesLike('hostile-'), ...casesLike('sharded')]

describe('bad input', () => {
  it.each(cases)('%s is answered by a verdict in one document', async (name) => {
    const { status, json } = await assayJson('verify', goldenPath(name), '--deep')
    const { verdict } = verification.parse(json)
    expect(verdict).toBe(truthOf(name).expect.verdict)
    expect(status).toBe(verdict === 'complete' ? 0 : 1)
  })

  it.each(cases)('%s is shown to people without a character that acts', async (name) => {
    for (const command of ['verify', 'show', 'scan']) {
      const { status, stdout, stderr } = await assay([command, goldenPath(name)])
      expect(status).toBeLessThan(3)
      expect(`${stdout}${stderr}`).not.toMatch(/[^\P{Cc}\n]|\p{Cf}/u)
    }
  })

  it('runs nothing', () => {
    expect(existsSync('/tmp/pwned')).toBe(false)
  })
})

describe('assay scan', () => {
  it.each(
    casesLike('hostile-').filter((name) =>
      truthOf(name).expect.findings.some(({ rule }) => rule === 'dangerous-global'),
    ),
  )('calls %s dangerous', async (name) => {
    const { status, json } = await assayJson<ScanReport>('scan', goldenPath(name))
    expect(scanReport.parse(json).files.some(({ verdict }) => verdict === 'dangerous')).toBe(true)
    expect(status).toBe(1)
  })

  it('calls what torch and transformers write safe', async () => {
    const { status, json } = await assayJson<ScanReport>('scan', goldenPath('seed-style'))
    expect(json.files.map(({ verdict }) => verdict)).not.toContain('dangerous')
    expect(status).toBe(0)
  })

  it('ends with 2 where something could not be looked into, unless something else is dangerous', async () => {
    const nowhere = '/there/is/nothing'
    const { status, json } = await assayJson<ScanReport>('scan', goldenPath('seed-style'), nowhere)
    expect(json.files.at(-1)).toMatchObject({
      path: nowhere,
      verdict: 'unknown',
      error: expect.stringMatching(/does not exist/),
    })
    expect(status).toBe(2)
    expect((await assay(['scan', nowhere, goldenPath('hostile-posix-system')])).status).toBe(1)
  })

  it('names what would be imported to people', async () => {
    const { stdout } = await assay(['scan', goldenPath('hostile-posix-system')])
    expect(stdout).toContain('posix.system')
  })
})

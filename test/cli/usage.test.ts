import { describe, expect, it } from 'vitest'
import { goldenPath } from '../golden/cases'
import { assay, assayJson } from './run'

describe('assay', () => {
  it('tells its version', async () => {
    expect(await assay(['--version'])).toEqual({
      status: 0,
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
      stderr: '',
    })
  })

  it('helps with examples, for itself and for each command', async () => {
    const commands = ['verify', 'show', 'stats', 'diff', 'repair', 'export', 'history', 'scan']
    const { status, stdout } = await assay(['--help'])
    expect(status).toBe(0)
    for (const command of commands) {
      expect(stdout).toContain(`  ${command} `)
      expect((await assay([command, '--help'])).stdout).toContain(`$ assay ${command} `)
    }
  })

  it.each([
    [['verify']],
    [['verify', 'x', '--depe']],
    [['diff', 'only-one']],
    [['history', 'x', '--json', '--csv']],
    [['show', 'a', 'b']],
  ])('ends with status 2 for %j and says why on standard error', async (argv) => {
    const { status, stderr } = await assay(argv)
    expect(status).toBe(2)
    expect(stderr).toMatch(/^error: /)
  })

  it('answers in JSON even when it is used wrongly', async () => {
    const { status, json } = await assayJson<{ error: { code: string } }>('show', 'a', 'b')
    expect(json).toMatchObject({ schema: 1, error: { code: 'usage' } })
    expect(status).toBe(2)
  })

  it.each(['verify', 'show', 'stats', 'history'])('%s says in JSON what it could not open', async (command) => {
    const { status, json, stderr } = await assayJson<{ error: object }>(command, '/there/is/nothing')
    expect(json.error).toMatchObject({ code: 'file/unreadable', file: '/there/is/nothing' })
    expect(stderr).toContain('/there/is/nothing')
    expect(status).toBe(2)
  })

  it('takes an unknown word for a path and says that nothing is there', async () => {
    const { status, stderr } = await assay(['verfy'])
    expect(stderr).toMatch(/There is no file or folder at .*verfy/)
    expect(status).toBe(2)
  })

  it.runIf(process.platform === 'linux')('says plainly that there is no display', async () => {
    const { status, stderr } = await assay(['open', goldenPath('seed-style')])
    expect(stderr).toContain('no display')
    expect(status).toBe(2)
  })
})

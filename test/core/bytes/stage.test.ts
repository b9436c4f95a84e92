import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { stage } from '../../../src/core/bytes/stage'
import { AssayError } from '../../../src/core/errors'
import { scratch } from '../repair/cases'

describe('building aside', () => {
  it('shows a folder only when it is whole', async () => {
    const folder = scratch()
    const staged = await stage(join(folder, 'out'))
    mkdirSync(staged.path)
    writeFileSync(join(staged.path, 'a'), '1')
    expect(readdirSync(folder)).not.toContain('out')
    await staged.commit()
    expect(readdirSync(folder)).toEqual(['out'])
    expect(readFileSync(join(folder, 'out', 'a'), 'utf8')).toBe('1')
  })

  it('takes the place of an empty folder', async () => {
    const folder = scratch()
    mkdirSync(join(folder, 'out'))
    const staged = await stage(join(folder, 'out'))
    writeFileSync(staged.path, 'a file this time')
    await staged.commit()
    expect(readFileSync(join(folder, 'out'), 'utf8')).toBe('a file this time')
  })

  it('is not spoken of: errors name the place that people know', async () => {
    const folder = scratch()
    const staged = await stage(join(folder, 'assay-repair'), folder)
    const file = join(staged.path, 'model.safetensors')
    const cause = new Error('EIO')
    const error = new AssayError('target/no-space', `No room for ${file}`, {
      file,
      hint: 'Free some',
      offset: 7,
      cause,
    })
    expect(staged.told(error)).toMatchObject({
      code: 'target/no-space',
      message: `No room for ${join(folder, 'model.safetensors')}`,
      ...{ file: join(folder, 'model.safetensors'), hint: 'Free some', offset: 7, cause },
    })
    expect(staged.told(cause)).toBe(cause)
    await staged.discard()
  })

  it('leaves nothing when it is discarded, and keeps what was committed', async () => {
    const folder = scratch()
    const staged = await stage(join(folder, 'out'))
    mkdirSync(staged.path)
    await staged.discard()
    expect(readdirSync(folder)).toEqual([])
    const other = await stage(join(folder, 'out'))
    writeFileSync(other.path, '')
    await other.commit()
    await other.discard()
    expect(readdirSync(folder)).toEqual(['out'])
  })

  it('overwrites nothing, not even what appeared meanwhile', async () => {
    const folder = scratch()
    const staged = await stage(join(folder, 'out'))
    writeFileSync(staged.path, 'new')
    writeFileSync(join(folder, 'out'), 'mine')
    await expect(staged.commit()).rejects.toMatchObject({ code: 'target/exists' })
    await expect(stage(join(folder, 'out'))).rejects.toMatchObject({ code: 'target/exists' })
    await staged.discard()
    expect(readFileSync(join(folder, 'out'), 'utf8')).toBe('mine')
  })

  it('removes what a process that is no more had begun for the same target, and nothing else', async () => {
    const folder = scratch()
    const own = await stage(join(folder, 'out'))
    const room = basename(join(own.path, '..'))
    const { pid } = spawnSync(process.execPath, ['-e', ''])
    const abandoned = room.replace(`-${process.pid}-`, `-${pid}-`)
    const foreign = abandoned.replace(/assay-\w{8}-/, 'assay-00000000-')
    const ofAnother = abandoned.replace('.out.', '.other.')
    const others = [foreign, ofAnother, '.out.assay-Xy12z9', '.out.assay-notes']
    for (const name of [abandoned, ...others]) {
      mkdirSync(join(folder, name))
      writeFileSync(join(folder, name, 'out'), 'half')
    }
    expect(abandoned).not.toBe(room)
    const next = await stage(join(folder, 'out'))
    const left = readdirSync(folder)
    expect(left).not.toContain(abandoned)
    expect(left).toEqual(expect.arrayContaining([room, ...others]))
    await next.discard()
    await own.discard()
  })

  it('needs a folder to build in', async () => {
    const folder = scratch()
    writeFileSync(join(folder, 'file'), '')
    for (const target of [join(folder, 'no', 'out'), join(folder, 'file', 'out')]) {
      await expect(stage(target)).rejects.toMatchObject({ code: 'target/unwritable' })
    }
  })
})

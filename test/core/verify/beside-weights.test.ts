import { readFileSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { copyOf } from './copy-of'

const { path, verified } = copyOf('trainer-gpt2')

const half = (name: string) => {
  const bytes = readFileSync(path(name))
  writeFileSync(path(name), bytes.subarray(0, bytes.length / 2))
}

/** A vocabulary too large to be read whole at each look. */
const large = () =>
  JSON.stringify({ model: { vocab: Object.fromEntries(Array.from({ length: 9000 }, (_, i) => [`t${i}`, i])) } })

test.each(['tokenizer.json', 'tokenizer_config.json'])('%s that was cut off is damaged', async (name) => {
  half(name)
  const { verdict, components, findings } = await verified()
  expect(findings).toContainEqual(
    expect.objectContaining({ rule: 'file/bad-header', subject: name, severity: 'error' }),
  )
  expect(components.find(({ id }) => id === 'tokenizer')?.status).toBe('damaged')
  expect(verdict).toBe('partial')
})

test('a large tokenizer.json is whole where it begins and ends as JSON', async () => {
  writeFileSync(path('tokenizer.json'), `${large()}\n`)
  expect((await verified()).verdict).toBe('complete')
  half('tokenizer.json')
  expect((await verified()).findings[0]?.message).toContain('was cut off')
  writeFileSync(path('tokenizer.json'), `no ${large()}`)
  expect((await verified()).findings[0]?.message).toContain('is not valid JSON')
})

test('settings for generating text are told as lost, and a resume does without them', async () => {
  const name = 'generation_config.json'
  for (const damage of [() => half(name), () => writeFileSync(path(name), Buffer.alloc(200, 0x9c))]) {
    damage()
    const { verdict, resume, findings } = await verified()
    expect(findings[0]).toMatchObject({ rule: 'file/bad-header', subject: name, severity: 'warning' })
    expect(findings[0]?.message).toContain('Resuming does not read it')
    expect([verdict, resume.level]).toEqual(['complete', 'exact'])
  }
})

test('JSON that is none is damaged, whatever its bytes are', async () => {
  writeFileSync(path('config.json'), Buffer.alloc(200, 0x9c))
  const { verdict, resume, findings } = await verified()
  expect(findings[0]).toMatchObject({ rule: 'file/bad-header', subject: 'config.json' })
  expect([verdict, resume.level]).toEqual(['partial', 'stable'])
})

test('a weights file of no known format is told by its name, not as one that is not here', async () => {
  writeFileSync(path('model.safetensors'), Buffer.alloc(200, 0x9c))
  const { verdict, findings } = await verified()
  expect(findings.find(({ rule }) => rule === 'weights/missing')?.message).toMatch(/^model.safetensors is of no format/)
  expect(verdict).toBe('broken')
})

test('arguments of no known format keep no training from resuming', async () => {
  writeFileSync(path('training_args.bin'), Buffer.alloc(200, 0x9c))
  const { verdict, findings } = await verified()
  expect(findings.find(({ subject }) => subject === 'training_args.bin')?.message).toContain(
    'Resuming does not read it',
  )
  expect(verdict).toBe('complete')
})

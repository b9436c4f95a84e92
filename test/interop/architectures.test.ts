import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { referenceKernel } from '../../src/core/analysis/reference'
import { openCheckpoint } from '../../src/core/checkpoint/open'
import { architectureOf } from '../../src/core/verify/architectures/blueprint'
import { verify } from '../../src/core/verify/verify'
import { python } from './python'

interface Made {
  readonly class: string
  readonly folder: string
  readonly config: { readonly [key: string]: string }
  readonly stored: Readonly<Record<string, number[]>>
  readonly all: Readonly<Record<string, number[]>>
  readonly parameters: readonly string[]
}

const models: Made[] = JSON.parse(python('architectures.py', mkdtempSync(join(tmpdir(), 'assay-test-'))))

describe.each(models.map((made, i) => [i, made.class, made] as const))('%i %s', (_, name, made) => {
  const architecture = architectureOf(made.config)
  const expected = new Map(architecture?.parameters.map((each) => [each.name, each]))

  test('is known', () => expect(architecture?.name).toBe(name))

  test('is saved with the names and the shapes that are expected', () => {
    const shapes = Object.fromEntries(Object.keys(made.stored).map((each) => [each, expected.get(each)?.shape]))
    expect(shapes).toEqual(made.stored)
  })

  test('is saved with all that must not be absent', () => {
    const needed = [...expected.values()].filter(({ optional }) => !optional).map((each) => each.name)
    expect(needed.filter((each) => !(each in made.stored))).toEqual([])
  })

  test('registers its parameters in the order that is expected', () => {
    const known = made.parameters.filter((each) => expected.has(each))
    expect([...expected.keys()].filter((each) => known.includes(each))).toEqual(known)
  })

  test('is found whole as it was saved, and missing what is taken from it', async () => {
    const whole = await openCheckpoint(made.folder)
    const rules = async (tensors: typeof whole.tensors) => {
      const { findings } = await verify({ ...whole, tensors }, { kernel: referenceKernel })
      return findings
        .filter(({ rule }) => /^(weights|config)\//.test(rule))
        .map(({ rule, subject }) => `${rule} ${subject}`)
    }
    expect(await rules(whole.tensors)).toEqual([])
    for (const each of whole.tensors) {
      const needed = expected.get(each.name)?.optional ? [] : [`weights/missing-tensor ${each.name}`]
      expect(await rules(whole.tensors.filter((other) => other !== each))).toEqual(needed)
    }
    whole.close()
  })

  test('does not fit the config of another kind of model', async () => {
    const whole = await openCheckpoint(made.folder)
    const type = made.config.model_type === 'gpt2' ? 'bert' : 'gpt2'
    const config = { ...made.config, model_type: type, architectures: ['SomeModel'] }
    const { findings } = await verify({ ...whole, config }, { kernel: referenceKernel })
    expect(findings.map(({ rule }) => rule)).toContain('config/mismatch')
    whole.close()
  })
})

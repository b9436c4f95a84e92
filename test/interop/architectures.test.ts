import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { architectureOf } from '../../src/core/verify/architectures/blueprint'
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
})

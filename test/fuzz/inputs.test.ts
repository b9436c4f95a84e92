import { join } from 'node:path'
import { expect, it } from 'vitest'
import { Inputs } from './input'
import { minimise } from './minimise'
import { subjectsIn } from './subjects'

const golden = join(import.meta.dirname, '../golden')

it('makes the same input again from its seed and number alone', async () => {
  const subjects = await subjectsIn(golden, 'damaged-healthy-zip')
  const [one, other] = [new Inputs(subjects, 7), new Inputs(subjects, 7)]
  for (const number of [40, 3, 999]) {
    await other.make(number + 1)
    const input = await one.make(number)
    expect(await other.make(number)).toEqual(input)
    expect(await new Inputs(subjects, 8).make(number)).not.toEqual(input)
  }
})

it('leaves golden bytes as they are', async () => {
  const subjects = await subjectsIn(golden, 'damaged-healthy-st')
  const before = subjects.map(({ bytes }) => bytes.slice())
  const inputs = new Inputs(subjects, 1)
  for (let number = 0; number < 200; number++) await inputs.make(number)
  expect(subjects.map(({ bytes }) => bytes)).toEqual(before)
})

it('cuts a failing input down to what makes it fail', async () => {
  const bytes = Uint8Array.from({ length: 1000 }, (_, i) => i % 251)
  const smallest = await minimise(bytes, async (candidate) => candidate.includes(42) && candidate.includes(200))
  expect(smallest.length).toBeLessThan(40)
  expect([...smallest]).toEqual(expect.arrayContaining([42, 200]))
})

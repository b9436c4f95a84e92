import { expect, it } from 'vitest'
import { pythonWords, seededWords, torchState } from '../../../../src/core/repair/state/generators'

// Printed by CPython 3.12, NumPy 2.4 and PyTorch 2.13 after seeding each with 73.
it('seeds as random.seed, numpy.random.seed and torch.manual_seed do', () => {
  const python = pythonWords(73)
  expect([...python.subarray(0, 5)]).toEqual([2147483648, 2284918353, 1475790274, 3637486608, 429221316])
  expect(python[623]).toBe(1327435579)
  expect([...seededWords(73).subarray(0, 4)]).toEqual([73, 3458608590, 2150483683, 1839521736])
  const torch = torchState(73)
  expect(torch).toHaveLength(5056)
  expect(Buffer.from(torch.subarray(0, 50)).toString('hex')).toBe(
    '4900000000000000010000000100000000000000000000004900000000000000ce2d26ce00000000e3c62d8000000000c8df',
  )
})

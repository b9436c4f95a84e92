import { expect, it } from 'vitest'
import { oddName } from '../../../src/core/decode/odd-name'

it.each(['a.weight', 'café.bias', '层.0', '🙂', '', 'constructor', '<img src=x>', 'a b', "it's"])(
  'leaves the name %j alone',
  (name) => {
    expect(oddName(name)).toBeUndefined()
  },
)

it.each([
  ['__proto__', 'collides'],
  ['a\nb', 'control'],
  ['\u001b[2J', 'control'],
  ['a\u009bb', 'control'],
  ['a\u202etxt', 'direction'],
  ['a\u200bb', 'invisible'],
  ['a\ud800', 'Unicode'],
  ['\udc00a', 'Unicode'],
])('says what is odd about %j', (name, why) => {
  expect(oddName(name)).toContain(why)
})

import { describe, expect, it } from 'vitest'
import { exportOffers } from '../../../src/core/repair/offers'
import { golden, opened } from './cases'

const offersFor = async (path: string) => exportOffers(await opened(golden(path)))

describe('ways to export', () => {
  it('are none beside the plain one where nothing is tied and no adapter is there', async () => {
    expect(await offersFor('flattened/data/checkpoint')).toEqual({ tie: false, untie: false, merge: false })
  })

  it('an adapter can be merged, and is not taken out of itself', async () => {
    expect(await offersFor('trainer-lora/data/checkpoint-10')).toEqual({ tie: false, untie: false, merge: true })
  })

  it('tensors that share their values can be untied', async () => {
    expect(await offersFor('torch-zoo-tied/data/model.pt')).toMatchObject({ untie: true, tie: false })
  })
})

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { exportWeights } from '../../../src/core/repair/export'
import { exportOffers } from '../../../src/core/repair/offers'
import { golden, opened, scratch } from './cases'

const offersFor = async (path: string) => exportOffers(await opened(golden(path)))

describe('ways to export', () => {
  it('are none beside the plain one where nothing is tied and no adapter is there', async () => {
    expect(await offersFor('flattened/data/checkpoint')).toEqual({ tie: false, untie: false, merge: false })
  })

  it('an adapter can be merged, and is not taken out of itself', async () => {
    expect(await offersFor('trainer-lora/data/checkpoint-10')).toEqual({ tie: false, untie: false, merge: true })
  })

  it('a head and an embedding in two shards can be tied, although both files call their storage the same', async () => {
    const path = join(scratch(), 'model')
    await exportWeights(await opened(golden('ranks-fsdp2/data')), path, { format: 'torch', maxShardSize: 1 })
    const config = JSON.parse(readFileSync(golden('ranks-fsdp2/data/config.json'), 'utf8'))
    writeFileSync(join(path, 'config.json'), JSON.stringify({ ...config, tie_word_embeddings: true }))
    expect(await exportOffers(await opened(path))).toMatchObject({ tie: true })
  })

  it('tensors that share their values can be untied', async () => {
    expect(await offersFor('torch-zoo-tied/data/model.pt')).toMatchObject({ untie: true, tie: false })
  })
})

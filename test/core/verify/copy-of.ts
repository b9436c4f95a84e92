import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterEach, beforeEach } from 'vitest'
import { referenceKernel } from '../../../src/core/analysis/reference'
import { openCheckpoint } from '../../../src/core/checkpoint/open'
import { verify } from '../../../src/core/verify/verify'
import { goldenPath } from '../../golden/cases'

/** For each test a copy of a golden folder that it may damage, and the verdict on what it made of it. */
export function copyOf(golden: string) {
  let folder = ''
  beforeEach(() => {
    const original = goldenPath(golden)
    folder = join(mkdtempSync(join(tmpdir(), 'assay-test-')), basename(original))
    cpSync(original, folder, { recursive: true })
  })
  afterEach(() => rmSync(join(folder, '..'), { recursive: true }))
  return {
    path: (name: string) => join(folder, name),
    async verified() {
      const checkpoint = await openCheckpoint(folder)
      try {
        return await verify(checkpoint, { kernel: referenceKernel })
      } finally {
        checkpoint.close()
      }
    },
  }
}

import { mkdirSync, mkdtempSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import { Arrivals } from '../../../src/core/run/arrivals'

const QUIET = 5000
const START = 1_800_000_000_000

let root: string
let now: number
let arrivals: Arrivals

/** Looks once after `ms` more: names of what has arrived. */
function look(ms: number): string[] {
  now += ms
  return arrivals.look(now).map((path) => path.slice(root.length + 1))
}

/** Writes a file as of now, by the clock of the test. */
function write(file: string, text = file): void {
  const path = join(root, file)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
  utimesSync(path, now / 1000, now / 1000)
}

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'assay-test-'))
  now = START
  arrivals = new Arrivals(root, QUIET)
  return () => rmSync(root, { recursive: true })
})

describe('a checkpoint', () => {
  test('is told once, when nothing in it has changed for a while', () => {
    expect(look(0)).toEqual([])
    write('checkpoint-10/model.safetensors')
    expect(look(1000)).toEqual([])
    write('checkpoint-10/optimizer.pt')
    expect(look(4000)).toEqual([])
    write('checkpoint-10/optimizer.pt', 'grown larger')
    expect(look(1000)).toEqual([])
    expect(look(4999)).toEqual([])
    expect(look(1)).toEqual(['checkpoint-10'])
    expect(look(60_000)).toEqual([])
  })

  test('of a file and one beside it is told when both are at rest', () => {
    expect(look(0)).toEqual([])
    write('model_100.pt')
    look(4000)
    write('optimizer_100.pt')
    look(2000)
    expect(look(2999)).toEqual([])
    expect(look(QUIET)).toEqual(['model_100.pt'])
    write('model_200.pt')
    write('optimizer_200.pt')
    look(0)
    expect(look(QUIET)).toEqual(['model_200.pt'])
  })

  test('that lay there before is not told, one that is being written then is', () => {
    write('checkpoint-10/model.safetensors')
    now += 10_000
    write('checkpoint-20/model.safetensors')
    expect(look(100)).toEqual([])
    expect(look(QUIET)).toEqual(['checkpoint-20'])
  })

  test('may be a single file of any name, told again when it is written anew', () => {
    look(0)
    write('last.pt')
    look(1000)
    expect(look(QUIET)).toEqual(['last.pt'])
    write('last.pt', 'written anew')
    write('best.ckpt.tmp')
    look(1000)
    expect(look(QUIET)).toEqual(['last.pt'])
    renameSync(join(root, 'best.ckpt.tmp'), join(root, 'best.ckpt'))
    write('epoch_1.pt')
    write('epoch_2.pt')
    look(1000)
    expect(look(QUIET).sort()).toEqual(['best.ckpt', 'epoch_1.pt', 'epoch_2.pt'])
  })

  test('that is a folder is not told part by part', () => {
    look(0)
    write('model.pt')
    write('optimizer.pt')
    look(1000)
    expect(look(QUIET)).toEqual([])
  })

  test('under a name for saves under way waits for its own', () => {
    look(0)
    write('tmp-checkpoint-10/model.safetensors')
    look(1000)
    expect(look(QUIET)).toEqual([])
    renameSync(join(root, 'tmp-checkpoint-10'), join(root, 'checkpoint-10'))
    look(1000)
    expect(look(QUIET)).toEqual(['checkpoint-10'])
  })

  test('of the Trainer waits for what is written last, and is told at last when that never comes', () => {
    look(0)
    write('checkpoint-10/model.safetensors')
    write('checkpoint-10/rng_state.pth')
    write('checkpoint-20/model.safetensors')
    write('checkpoint-20/rng_state.pth')
    look(0)
    expect(look(QUIET)).toEqual([])
    write('checkpoint-20/trainer_state.json')
    look(0)
    expect(look(QUIET)).toEqual(['checkpoint-20'])
    expect(look(12 * QUIET)).toEqual(['checkpoint-10'])
  })

  test('in shards or parts waits for all of them', () => {
    look(0)
    write('step_1/model-00001-of-00002.safetensors')
    write('step_2/weights/__0_0.distcp')
    look(0)
    expect(look(QUIET)).toEqual([])
    write('step_1/model-00002-of-00002.safetensors')
    write('step_2/weights/.metadata')
    look(0)
    expect(look(QUIET)).toEqual(['step_1', 'step_2'])
  })

  test('is found where the model was saved into the folder of the run itself', () => {
    look(0)
    write('checkpoint-10/model.safetensors')
    write('model.safetensors')
    look(0)
    expect(look(QUIET)).toEqual(['checkpoint-10'])
  })

  test('that is written again is told again, and one that was rotated away is forgotten', () => {
    look(0)
    write('checkpoint-10/model.safetensors')
    look(0)
    expect(look(QUIET)).toEqual(['checkpoint-10'])
    write('checkpoint-10/model.safetensors', 'something else')
    look(0)
    expect(look(QUIET)).toEqual(['checkpoint-10'])
    rmSync(join(root, 'checkpoint-10'), { recursive: true })
    expect(look(QUIET)).toEqual([])
  })

  test('is found however deep loggers put it, and not before its first write', () => {
    look(0)
    write('lightning_logs/version_0/metrics.csv')
    look(1000)
    write('lightning_logs/version_0/checkpoints/epoch=0-step=10.ckpt')
    look(1000)
    expect(look(QUIET)).toEqual(['lightning_logs/version_0/checkpoints/epoch=0-step=10.ckpt'])
    write('lightning_logs/version_0/checkpoints/epoch=1-step=20.ckpt')
    write('lightning_logs/version_0/checkpoints/last.ckpt')
    look(1000)
    rmSync(join(root, 'lightning_logs/version_0/checkpoints/epoch=0-step=10.ckpt'))
    expect(look(QUIET).map((path) => path.split('/').at(-1))).toEqual(['epoch=1-step=20.ckpt', 'last.ckpt'])
    expect(look(60_000)).toEqual([])
  })
})

import type { Listing } from '../listing'
import { accelerate } from './accelerate'
import { dcp } from './dcp'
import { deepspeed } from './deepspeed'
import { diffusers } from './diffusers'
import { file } from './file'
import { folder } from './folder'
import type { Layout } from './layout'
import { megatron } from './megatron'
import { peft } from './peft'
import { tensorflow } from './tensorflow'
import { trainer } from './trainer'
import { unknown } from './unknown'

/** Every layout, the most particular first. The last matches anything. */
const LAYOUTS: readonly Layout[] = [
  file,
  trainer,
  accelerate,
  dcp,
  deepspeed,
  megatron,
  peft,
  diffusers,
  tensorflow,
  folder,
  unknown,
]

/** The first layout that the names fit. */
export function layoutOf(listing: Listing): Layout {
  return LAYOUTS.find((layout) => layout.matches(listing)) ?? unknown
}

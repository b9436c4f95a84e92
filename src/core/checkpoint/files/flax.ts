import type { ByteSource } from '../../bytes/source'
import { readFlax } from '../../container/flax'
import type { Plain } from '../../decode/plain'
import { finding } from '../../finding'
import type { ComponentId } from '../checkpoint'
import { DTYPES, type DType } from '../dtype'
import type { Contents } from './contents'
import { tensorsOf, wholeBlock } from './listed'

/**
 * The arrays of a MessagePack file as flax writes it, named by their keys; `opt_state` of a train state is the optimizer's
 * (flax.training.train_state), its counts are the trainer's. Throws as `readFlax`.
 */
export async function readFlaxFile(source: ByteSource, file: string, component: ComponentId): Promise<Contents> {
  const { arrays, plain } = await readFlax(source)
  const role = (name: string) => (component === 'weights' && /^opt_state\./.test(name) ? 'optimizer' : component)
  const listed = arrays.map(({ name, shape, dtype: what, begin, length }) => {
    const dtype = Object.hasOwn(DTYPES, what) ? (what as DType) : undefined
    return {
      name,
      shape,
      dtype,
      what,
      component: role(name),
      blocks: [wholeBlock(source, begin, shape)],
      stored: length,
    }
  })
  const { tensors, findings } = tensorsOf(listed, file)
  const value: { [key: string]: Plain } = Object.fromEntries(plain)
  if (arrays.length === 0) {
    const message = `${file} is a MessagePack file without an array as flax.serialization writes it; msgpack.unpackb opens it`
    const evidence = { what: 'a MessagePack file' }
    return {
      tensors,
      sections: [],
      globals: [],
      findings: [finding('file/unknown-format', file, message, { evidence })],
    }
  }
  return {
    tensors,
    sections: [],
    globals: [],
    ...(plain.size > 0 && { records: [{ file, component: 'trainer', value }] }),
    findings,
  }
}

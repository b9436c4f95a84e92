import { FileReader } from '../../bytes/file'
import { answerAll } from '../../bytes/thread'
import { AssayError } from '../../errors'
import { simd } from '../simd/module'
import { doPart } from './part'
import { type Failure, type Reply, type Request, type Rest, stopSlot } from './protocol'

const reader = new FileReader()

answerAll((request: Request | Rest, shared): Reply | undefined => {
  if (request === 'rest') {
    reader.close()
    return undefined
  }
  const { id, part } = request
  try {
    const kernels = simd()
    if (!kernels) throw new Error('there is no SIMD in this thread')
    const read = reader.read.bind(reader)
    return { id, sums: doPart(kernels, part, read, () => Atomics.load(shared, stopSlot(id)) === id) }
  } catch (error) {
    return { id, failure: failureOf(error) }
  }
})

function failureOf(error: unknown): Failure {
  if (!(error instanceof AssayError)) return { code: 'internal', message: String(error) }
  const { code, message, file, offset, hint } = error
  return {
    code,
    message,
    ...(file !== undefined && { file }),
    ...(offset !== undefined && { offset }),
    ...(hint !== undefined && { hint }),
  }
}

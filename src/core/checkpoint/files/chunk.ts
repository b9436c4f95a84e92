import { type ByteSource, checkRange, rangeOf, readBytes } from '../../bytes/source'
import type { ChunkedTensor, Place } from '../../decode/distributed'
import { AssayError } from '../../errors'
import { itemSize } from '../dtype'
import { gather } from '../gather'
import { byteLength, sameShape, type Tensor } from '../tensor'
import { checkBlocks, contiguousBlock } from '../values'
import { readSafetensorsFile } from './safetensors'
import { readZipFile } from './zip'

/** How a torch file begins; any other item is safetensors (torch 2.13, filesystem.py, SerializationFormat). */
const ZIP = [0x50, 0x4b]

/**
 * The values of one chunk, row-major. What stands at its place is a file of its own, with one tensor, and is opened at the first read:
 * a checkpoint has hundreds of thousands. A class, and not closures, for the same reason. Reads throw AssayError
 * `file/bad-header` when another tensor lies there than the metadata says, and as the readers of the file.
 */
export class ChunkSource implements ByteSource {
  /** May be dropped between reads, and found again. */
  private opened: WeakRef<Promise<Tensor>> | undefined

  constructor(
    private readonly file: ByteSource,
    private readonly place: Pick<Place, 'offset' | 'length'>,
    private readonly dtype: ChunkedTensor['dtype'],
    private readonly shape: readonly number[],
  ) {}

  get name(): string {
    return `${this.file.name} at ${this.place.offset}`
  }

  get size(): number {
    return byteLength({ dtype: this.dtype, shape: this.shape })
  }

  async read(offset: number, target: Uint8Array): Promise<void> {
    checkRange(this, offset, target.byteLength)
    let opening = this.opened?.deref()
    if (!opening) {
      opening = this.open()
      this.opened = new WeakRef(opening)
    }
    const tensor = await opening
    const block = contiguousBlock(tensor)
    if (block) return block.source.read(block.offset + offset, target)
    return gather(tensor, offset / itemSize(this.dtype), target)
  }

  close(): void {
    this.opened = undefined
  }

  private async open(): Promise<Tensor> {
    const { file, place, dtype, shape, name } = this
    const range = rangeOf(file, place.offset, place.length, name)
    const head = await readBytes(range, 0, Math.min(2, range.size))
    const isZip = head[0] === ZIP[0] && head[1] === ZIP[1]
    const { tensors } = await (isZip ? readZipFile : readSafetensorsFile)(range, file.name, 'weights')
    const [tensor] = tensors
    if (tensors.length !== 1 || !tensor || tensor.dtype !== dtype || !sameShape(tensor.shape, shape)) {
      const held = tensors.map((each) => `a ${each.dtype} tensor of shape [${each.shape.join(', ')}]`).join(', ')
      const message = `${name} holds ${held || 'no tensor'}; .metadata says a ${dtype} tensor of shape [${shape.join(', ')}]`
      throw new AssayError('file/bad-header', message, { file: file.name, offset: place.offset })
    }
    checkBlocks(tensor)
    return tensor
  }
}

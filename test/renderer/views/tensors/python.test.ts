import { describe, expect, it } from 'vitest'
import { asPython } from '../../../../src/renderer/views/tensors/python'
import { flattened } from '../../fixture/flattened'
import { gpt2At } from '../../fixture/gpt2'

const run = { ...gpt2At(30).opened, id: 'c1' }
const [weight] = gpt2At(30).rows
const moment = gpt2At(30).rows.find((row) => row.component === 'optimizer')

describe('a tensor as Python', () => {
  it('is read from safetensors without reading the rest', () => {
    expect(weight && asPython(run, weight)).toBe(
      [
        'from safetensors import safe_open',
        'with safe_open("/data/runs/tiny-gpt2/checkpoint-30/model.safetensors", framework="pt") as f:',
        '    tensor = f.get_tensor("transformer.h.0.attn.c_attn.bias")',
      ].join('\n'),
    )
  })

  it('is loaded with weights_only from a torch file, and pointed at where its name is a path', () => {
    expect(moment && asPython(run, moment)).toBe(
      [
        'import torch',
        'state = torch.load("/data/runs/tiny-gpt2/checkpoint-30/optimizer.pt", map_location="cpu", weights_only=True)  # the tensor is at "state.0.exp_avg"',
      ].join('\n'),
    )
  })

  it('keeps a hostile name inside its quotes', () => {
    const { opened, rows } = flattened()
    const [row] = rows
    const text = row && asPython({ ...opened, id: 'c1' }, { ...row, name: '"); import os; os.system("x\n' })
    expect(text).toContain('f.get_tensor("\\"); import os; os.system(\\"x\\x0a")')
  })
})

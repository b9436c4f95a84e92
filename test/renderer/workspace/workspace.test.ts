import { describe, expect, it, vi } from 'vitest'
import { verifyEveryValue, verifyKey } from '../../../src/renderer/workspace/verify'
import { Workspace } from '../../../src/renderer/workspace/workspace'
import { localApi } from '../fixture/local'

const RUN = '/data/runs/tiny-gpt2'
const FLAT = '/data/flattened/checkpoint'

describe('the workspace', () => {
  it('opens a checkpoint and remembers it', async () => {
    const { api } = localApi()
    const workspace = new Workspace(api)
    await workspace.open(FLAT)
    expect(workspace.state()).toMatchObject({
      subject: { kind: 'checkpoint', path: FLAT },
      opening: null,
      failure: null,
    })
    expect(await api.bridge.recent()).toEqual([FLAT])
  })

  it('keeps what is open in sight while another is opened, and when that fails', async () => {
    const { api } = localApi()
    const workspace = new Workspace(api)
    await workspace.open(FLAT)
    const opening = workspace.open('/data/page.html')
    expect(workspace.state()).toMatchObject({ subject: { path: FLAT }, opening: '/data/page.html' })
    await opening
    expect(workspace.state()).toMatchObject({
      subject: { path: FLAT },
      failure: { path: '/data/page.html', problem: { code: 'file/not-a-checkpoint' } },
    })
    workspace.dismiss()
    expect(workspace.state().failure).toBeNull()
  })

  it('shows the last one asked for, however late the first one comes', async () => {
    const { api } = localApi({ answer: 10, step: 0 })
    const workspace = new Workspace(api)
    await Promise.all([workspace.open(RUN), workspace.open(FLAT)])
    expect(workspace.state().subject?.path).toBe(FLAT)
  })

  it('closes what it replaces', async () => {
    const { api } = localApi()
    const workspace = new Workspace(api)
    await workspace.open(FLAT)
    const { subject } = workspace.state()
    await workspace.open(RUN)
    if (subject?.kind !== 'checkpoint') throw new Error('a checkpoint was opened')
    await vi.waitFor(() => expect(api.client.state({ id: subject.id })).rejects.toThrow('Nothing is open'))
  })

  it('keeps view and tensor along the steps of a run, and begins anew elsewhere', async () => {
    const { api } = localApi()
    const workspace = new Workspace(api)
    await workspace.open(`${RUN}/checkpoint-10`)
    workspace.goTo({ name: 'transformer.wte.weight', file: 'model.safetensors' })
    await workspace.open(`${RUN}/checkpoint-20`)
    expect(workspace.state()).toMatchObject({ view: 'tensors', chosen: { name: 'transformer.wte.weight' } })
    await workspace.open(FLAT)
    expect(workspace.state()).toMatchObject({ view: 'overview', chosen: null })
  })

  it('opens everything again when the engine was started again', async () => {
    const { api, restart } = localApi()
    const workspace = new Workspace(api)
    await workspace.open(FLAT)
    workspace.show('repair')
    const before = workspace.state().subject
    restart()
    await vi.waitFor(() => expect(workspace.state().subject).not.toBe(before))
    expect(workspace.state()).toMatchObject({ subject: { path: FLAT }, view: 'repair' })
  })

  it('takes the deep verdict for the checkpoint it was asked of, and for no other', async () => {
    const { api } = localApi()
    const workspace = new Workspace(api)
    await workspace.open(FLAT)
    const { subject } = workspace.state()
    if (subject?.kind !== 'checkpoint') throw new Error('a checkpoint was opened')
    await verifyEveryValue(api, workspace, subject.id)
    expect(api.jobs.get(verifyKey(subject.id))?.status).toBe('done')
    expect(workspace.state().subject).toMatchObject({ verification: { deep: true } })
    await workspace.open(`${RUN}/checkpoint-10`)
    workspace.verified(subject.id, subject.verification)
    expect(workspace.state().subject).toMatchObject({ verification: { deep: false, layout: 'trainer' } })
  })

  it('goes back to the welcome page', async () => {
    const workspace = new Workspace(localApi().api)
    await workspace.open(FLAT)
    workspace.close()
    expect(workspace.state()).toMatchObject({ subject: null, view: 'overview' })
  })
})

import { isRun, openPath } from '../../core/checkpoint/open'
import { procedures } from '../base'

const hold = procedures.hold.handler(async ({ input: { path }, context: { engine } }) => {
  const subject = await openPath(path)
  if (isRun(subject)) {
    return { kind: 'run' as const, path: subject.path, checkpoints: subject.checkpoints.map((each) => ({ ...each })) }
  }
  return { kind: 'checkpoint' as const, id: engine.hold(subject).id, path: subject.path }
})

const close = procedures.close.handler(({ input, context: { engine } }) => {
  engine.release(input.id)
  return {}
})

export const holding = { hold, close }

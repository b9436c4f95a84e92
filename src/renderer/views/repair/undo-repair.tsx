import { Button } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useMutation } from '@tanstack/react-query'
import { useApi } from '../../api/context'
import { problemOf } from '../../api/problem'
import { ErrorPanel } from '../../ui/error-panel'
import { plural } from '../../ui/format'
import { useCheckpoint, useWorkspace } from '../../workspace/hooks'

/** Brings the originals of a repair in place back, and opens them. `jobKey`: the repair whose result is then no longer so. */
export function UndoRepair({ jobKey }: { jobKey: string }) {
  const { path } = useCheckpoint()
  const { client, jobs } = useApi()
  const workspace = useWorkspace()
  const { mutate, isPending, error } = useMutation({
    mutationFn: () => client.undoRepair({ path }),
    onSuccess: async ({ restored }) => {
      jobs.clear(jobKey)
      notifications.show({ message: `The repair was undone: ${plural(restored.length, 'original')} put back.` })
      if (workspace.state().subject?.path === path) await workspace.reload()
    },
  })
  return (
    <>
      <Button variant="default" loading={isPending} onClick={() => mutate()} data-testid="undo-repair">
        Undo this repair
      </Button>
      {error && <ErrorPanel problem={problemOf(error)} />}
    </>
  )
}

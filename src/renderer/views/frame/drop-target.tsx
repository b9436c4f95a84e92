import { Dropzone } from '@mantine/dropzone'
import { IconFolderOpen } from '@tabler/icons-react'
import { useEffect, useState } from 'react'
import { useApi } from '../../api/context'
import { useWorkspace, useWorkspaceState } from '../../workspace/hooks'
import classes from './drop-target.module.css'

/** The whole window takes a file or a folder; nothing of it is there until one is dragged in. */
export function DropTarget() {
  const { bridge } = useApi()
  const workspace = useWorkspace()
  const { subject } = useWorkspaceState()
  if (!useDraggedFiles()) return null
  return (
    <Dropzone
      multiple={false}
      activateOnClick={false}
      activateOnKeyboard={false}
      getFilesFromEvent={droppedItems}
      onDrop={([file]) => file && workspace.open(bridge.pathOf(file))}
      classNames={{ root: classes.root, inner: classes.inner }}
    >
      <IconFolderOpen size={28} aria-hidden />
      <span>
        Drop a checkpoint file, a folder, a run{subject?.kind === 'checkpoint' && ', or a plan of its repair'}
      </span>
    </Dropzone>
  )
}

/** Whether files are being dragged over the window. Dropped anywhere else than on the target they do nothing. */
function useDraggedFiles(): boolean {
  const [isOver, setIsOver] = useState(false)
  useEffect(() => {
    // Each element under the pointer is entered before the last one is left.
    let entered = 0
    const change = (by: number) => {
      entered = Math.max(0, entered + by)
      setIsOver(entered > 0)
    }
    const enter = (event: DragEvent) => event.dataTransfer?.types.includes('Files') && change(1)
    const leave = (event: DragEvent) => event.dataTransfer?.types.includes('Files') && change(-1)
    const over = (event: DragEvent) => event.preventDefault()
    const drop = (event: DragEvent) => {
      event.preventDefault()
      change(-entered)
    }
    const listeners = { dragenter: enter, dragleave: leave, dragover: over, drop } as const
    for (const [name, listener] of Object.entries(listeners)) window.addEventListener(name, listener as EventListener)
    return () => {
      for (const [name, listener] of Object.entries(listeners))
        window.removeEventListener(name, listener as EventListener)
    }
  }, [])
  return isOver
}

/** The items themselves, read at once: the library's own reading of a folder would walk into it and lose its path. */
async function droppedItems(event: unknown): Promise<File[]> {
  const transfer = typeof event === 'object' && event && 'dataTransfer' in event ? event.dataTransfer : null
  return transfer instanceof DataTransfer ? [...transfer.files] : []
}

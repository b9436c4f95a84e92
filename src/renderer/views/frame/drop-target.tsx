import { Dropzone } from '@mantine/dropzone'
import { IconFolderOpen } from '@tabler/icons-react'
import { useApi } from '../../api/context'
import { useWorkspace } from '../../workspace/hooks'
import classes from './drop-target.module.css'

/** The whole window takes a file or a folder. */
export function DropTarget() {
  const { bridge } = useApi()
  const workspace = useWorkspace()
  return (
    <Dropzone.FullScreen
      active
      multiple={false}
      getFilesFromEvent={dropped}
      onDropAny={(files, rejections) => {
        const file = files[0] ?? rejections[0]?.file
        if (file) void workspace.open(bridge.pathOf(file))
      }}
      onDrop={() => undefined}
      inputProps={{ 'aria-label': 'Drop a checkpoint' }}
      classNames={{ fullScreen: classes.cover, root: classes.root, inner: classes.inner }}
    >
      <div className={classes.sign}>
        <IconFolderOpen size={28} aria-hidden />
        <span>Drop a checkpoint file, folder, or a run</span>
      </div>
    </Dropzone.FullScreen>
  )
}

/** The dropped items themselves: the library's own reading of a folder would walk into it and lose its path. */
async function dropped(event: unknown): Promise<File[]> {
  const transfer = event instanceof Event || isReactEvent(event) ? (event as DragEvent).dataTransfer : null
  return transfer ? [...transfer.files] : []
}

function isReactEvent(event: unknown): boolean {
  return typeof event === 'object' && event !== null && 'nativeEvent' in event
}

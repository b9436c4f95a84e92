import { IconFileCheck } from '@tabler/icons-react'
import { useState } from 'react'
import { usePickles } from '../../api/outline'
import { problemOf } from '../../api/problem'
import { Empty } from '../../ui/empty'
import { ErrorPanel } from '../../ui/error-panel'
import { Pending } from '../../ui/pending'
import { SidePane } from '../../ui/side-pane'
import { useCheckpoint } from '../../workspace/hooks'
import { FileList } from './file-list'
import { Forecast } from './forecast'
import { Imports } from './imports'
import { ObjectTree } from './object-tree'
import classes from './raw-view.module.css'

/** Pickled files as they are: the objects in them, what they import, and what PyTorch's default loader says to that. */
export function RawView() {
  const { id } = useCheckpoint()
  const pickles = usePickles(id)
  const [file, setFile] = useState<string | null>(null)
  if (pickles.isPending) {
    return (
      <div className={classes.padded}>
        <Pending lines={6} label="Reading the pickled files" />
      </div>
    )
  }
  if (pickles.error) {
    return (
      <div className={classes.padded}>
        <ErrorPanel problem={problemOf(pickles.error)} retry={() => pickles.refetch()} />
      </div>
    )
  }
  const shown = pickles.data.find((pickle) => pickle.file === file) ?? pickles.data[0]
  if (!shown) {
    return (
      <Empty icon={<IconFileCheck size={24} />} title="There are no pickled objects here">
        Safetensors, GGUF and JSON files hold values and no Python objects, so there is nothing in them to import. A
        pickle that cannot be decoded is named in the Overview.
      </Empty>
    )
  }
  return (
    <div className={classes.view}>
      <SidePane side="left" label="Files and imports" storageKey="assay-raw-width" initial={340} min={220} max={640}>
        <div className={classes.facts}>
          <FileList files={pickles.data} shown={shown} onChoose={setFile} />
          <Forecast id={id} pickle={shown} />
          <Imports pickle={shown} />
        </div>
      </SidePane>
      <div className={classes.tree}>
        <ObjectTree key={shown.file} id={id} file={shown.file} />
      </div>
    </div>
  )
}

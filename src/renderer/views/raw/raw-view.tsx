import { IconFileCheck } from '@tabler/icons-react'
import { useState } from 'react'
import type { StoredText } from '../../../contract/schemas'
import { usePickles, useTexts } from '../../api/outline'
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
import { StoredTextPane } from './stored-text'
import { TextList } from './text-list'

/** Pickled files as they are: the objects in them, what they import, and what PyTorch's default loader says to that; code as text. */
export function RawView() {
  const { id } = useCheckpoint()
  const pickles = usePickles(id)
  const texts = useTexts(id)
  const [file, setFile] = useState<string | null>(null)
  const [read, setRead] = useState<StoredText | null>(null)
  if (pickles.isPending || texts.isPending) {
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
  const held = texts.data ?? []
  const text = held.find((each) => each.file === read?.file && each.path === read.path) ?? (shown ? undefined : held[0])
  if (!shown && !text) {
    return (
      <Empty icon={<IconFileCheck size={24} />} title="There are no pickled objects here">
        Safetensors, GGUF and JSON files hold values and no Python objects, so there is nothing in them to import.
      </Empty>
    )
  }
  const choose = (name: string) => {
    setFile(name)
    setRead(null)
  }
  return (
    <div className={classes.view}>
      <SidePane side="left" label="Files and imports" storageKey="assay-raw-width" initial={340} min={220} max={640}>
        <div className={classes.facts}>
          {shown && <FileList files={pickles.data} shown={text ? undefined : shown} onChoose={choose} />}
          {held.length > 0 && <TextList texts={held} shown={text} onChoose={setRead} />}
          {shown && (
            <>
              <Forecast id={id} pickle={shown} />
              <Imports pickle={shown} />
            </>
          )}
        </div>
      </SidePane>
      <div className={classes.tree}>
        {text && <StoredTextPane key={`${text.file}\0${text.path}`} id={id} text={text} />}
        {!text && shown && <ObjectTree key={shown.file} id={id} file={shown.file} />}
      </div>
    </div>
  )
}

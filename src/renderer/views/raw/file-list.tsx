import type { PickledFile } from '../../../contract/schemas'
import { formatCount } from '../../ui/format'
import { SafeText, visible } from '../../ui/safe-text'
import { Section } from '../../ui/section'
import classes from './file-list.module.css'
import { safetyOf } from './safety'
import { SafetyTag } from './safety-tag'

interface FileListProps {
  files: readonly PickledFile[]
  shown: PickledFile | undefined
  onChoose: (file: string) => void
}

/** The pickled files, each with the worst that it imports. */
export function FileList({ files, shown, onChoose }: FileListProps) {
  return (
    <Section title="Pickled files" note={formatCount(files.length)}>
      <ul className={classes.files}>
        {files.map((pickle) => (
          <li key={pickle.file}>
            <button
              type="button"
              className={classes.file}
              aria-current={pickle === shown}
              title={visible(pickle.file)}
              onClick={() => onChoose(pickle.file)}
              data-testid="raw-file"
              data-file={pickle.file}
            >
              <span className={classes.name}>
                <SafeText>{pickle.file}</SafeText>
              </span>
              <SafetyTag safety={safetyOf(pickle)} />
            </button>
          </li>
        ))}
      </ul>
    </Section>
  )
}

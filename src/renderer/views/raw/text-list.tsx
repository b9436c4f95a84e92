import type { StoredText } from '../../../contract/schemas'
import { formatCount } from '../../ui/format'
import { SafeText, visible } from '../../ui/safe-text'
import { Section } from '../../ui/section'
import classes from './file-list.module.css'

/** Names drawn; a package may hold thousands of files of code. */
const MOST = 500

interface TextListProps {
  texts: readonly StoredText[]
  shown: StoredText | undefined
  onChoose: (text: StoredText) => void
}

/** Code and settings inside archives. */
export function TextList({ texts, shown, onChoose }: TextListProps) {
  return (
    <Section title="Code and texts" note={formatCount(texts.length)}>
      <ul className={classes.files}>
        {texts.slice(0, MOST).map((text) => (
          <li key={`${text.file}\0${text.path}`}>
            <button
              type="button"
              className={classes.file}
              aria-current={text === shown}
              title={visible(text.path)}
              onClick={() => onChoose(text)}
              data-testid="raw-text-name"
            >
              <span className={classes.name}>
                <SafeText>{text.path}</SafeText>
              </span>
            </button>
          </li>
        ))}
      </ul>
      {texts.length > MOST && <p>The first {formatCount(MOST)} are listed.</p>}
    </Section>
  )
}

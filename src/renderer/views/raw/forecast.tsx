import { Button } from '@mantine/core'
import { useClipboard } from '@mantine/hooks'
import { IconAlertTriangle, IconCircleCheck, IconCircleX, IconCopy } from '@tabler/icons-react'
import type { PickledFile } from '../../../contract/schemas'
import { useOutline } from '../../api/outline'
import { plural } from '../../ui/format'
import { keyed } from '../../ui/keyed'
import { SafeText } from '../../ui/safe-text'
import { Section } from '../../ui/section'
import classes from './forecast.module.css'
import { refusedIn, safetyOf } from './safety'

/** What `torch.load(weights_only=True)`, the default since torch 2.6, says to a file, and what would change its mind. */
export function Forecast({ id, pickle }: { id: string; pickle: PickledFile }) {
  const refused = refusedIn(pickle)
  return (
    <Section title="torch.load(weights_only=True)">
      <Sentence pickle={pickle} refused={refused.length} />
      {refused.length > 0 && (
        <ul className={classes.refusals}>
          {refused.map(({ path, place }) => (
            <li key={path} data-testid="raw-refusal">
              <span className={classes.name}>
                <SafeText>{path}</SafeText>
              </span>
              {place ? (
                <Place id={id} file={pickle.file} place={place} />
              ) : (
                <span className={classes.nowhere}>Used on the way; not kept in the tree</span>
              )}
            </li>
          ))}
        </ul>
      )}
      {pickle.admit !== null && <Admit code={pickle.admit} />}
    </Section>
  )
}

function Sentence({ pickle, refused }: { pickle: PickledFile; refused: number }) {
  if (safetyOf(pickle) === 'dangerous') {
    return (
      <p className={classes.sentence} data-tone="bad">
        <IconCircleX size={15} aria-hidden />
        <span>Must not be loaded in any way that runs what it imports. No allow-list makes it safe.</span>
      </p>
    )
  }
  if (pickle.error !== undefined) {
    return (
      <p className={classes.sentence} data-tone="warn">
        <IconAlertTriangle size={15} aria-hidden />
        <span>
          It cannot be decoded to its end: <SafeText>{pickle.error}</SafeText>
        </span>
      </p>
    )
  }
  if (pickle.refusedOpcode !== undefined) {
    return (
      <p className={classes.sentence} data-tone="warn">
        <IconAlertTriangle size={15} aria-hidden />
        <span>
          Does not load it: it knows the opcodes that protocol 2 needs, and this pickle uses {pickle.refusedOpcode}. No
          allow-list helps; an export as safetensors does.
        </span>
      </p>
    )
  }
  if (refused === 0) {
    return (
      <p className={classes.sentence} data-tone="good">
        <IconCircleCheck size={15} aria-hidden />
        <span>Nothing is refused: it loads as it is.</span>
      </p>
    )
  }
  return (
    <p className={classes.sentence} data-tone="warn">
      <IconAlertTriangle size={15} aria-hidden />
      <span>Does not load it: {plural(refused, 'import is', 'imports are')} refused.</span>
    </p>
  )
}

/** The way to the first object that asks for an import. */
function Place({ id, file, place }: { id: string; file: string; place: PickledFile['refusals'][number] }) {
  const [outline] = useOutline(id, file)
  return (
    <button type="button" className={classes.place} onClick={() => outline.reveal(place.path)}>
      {place.where.length === 0 ? 'the root' : <SafeText>{place.where.join(' › ')}</SafeText>}
    </button>
  )
}

/** Python that lets the loader import them, for those who trust where the file came from. */
function Admit({ code }: { code: string }) {
  const clipboard = useClipboard()
  return (
    <div className={classes.admit}>
      <p>If you trust where it came from, this lets PyTorch load it:</p>
      <pre data-testid="raw-admit">
        {keyed(code.split('\n')).map(({ key, item }) => (
          <div key={key}>
            <SafeText>{item}</SafeText>
          </div>
        ))}
      </pre>
      <Button
        size="compact-xs"
        variant="default"
        leftSection={<IconCopy size={13} aria-hidden />}
        onClick={() => clipboard.copy(code)}
      >
        {clipboard.copied ? 'Copied' : 'Copy'}
      </Button>
    </div>
  )
}

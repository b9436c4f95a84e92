import { Button, Menu } from '@mantine/core'
import type { OpenedCheckpoint } from '../../../contract/contract'
import { useApi } from '../../api/context'
import type { Problem } from '../../api/problem'
import { PathField } from '../../ui/path-field'
import { SafeText, visible } from '../../ui/safe-text'
import classes from './repair-view.module.css'

interface ReferenceProps {
  checkpoint: OpenedCheckpoint
  path: string
  onChange: (path: string) => void
  /** Why it cannot be used. */
  problem: Problem | undefined
}

/** A sound checkpoint of the same model: shapes and absent tensors can be taken from it. */
export function Reference({ checkpoint, path, onChange, problem }: ReferenceProps) {
  const { bridge } = useApi()
  const siblings = checkpoint.siblings.filter((sibling) => sibling.path !== checkpoint.path)
  return (
    <div className={classes.reference}>
      <PathField
        label="Reference"
        description="Optional: a sound checkpoint of the same model, for shapes, values and what is missing"
        placeholder="Path of a file or folder"
        value={path}
        error={
          problem && (
            <span data-testid="reference-problem">
              <SafeText>{[problem.title, problem.hint].filter(Boolean).join('. ')}</SafeText>
            </span>
          )
        }
        onChange={onChange}
        browse={bridge.chooseFolder}
        testId="repair-reference"
      />
      {siblings.length > 0 && (
        <Menu width={240} position="bottom-end">
          <Menu.Target>
            <Button variant="default" size="xs">
              From the run
            </Button>
          </Menu.Target>
          <Menu.Dropdown>
            {siblings.map((sibling) => (
              <Menu.Item key={sibling.path} onClick={() => onChange(sibling.path)}>
                {visible(sibling.name)}
              </Menu.Item>
            ))}
          </Menu.Dropdown>
        </Menu>
      )}
    </div>
  )
}

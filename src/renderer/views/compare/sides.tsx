import { Button, Menu } from '@mantine/core'
import { IconArrowsExchange, IconChevronDown } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import type { OpenedCheckpoint } from '../../../contract/contract'
import { useApi } from '../../api/context'
import { baseName, formatCount } from '../../ui/format'
import { IconAction } from '../../ui/icon-action'
import { SafeText, visible } from '../../ui/safe-text'
import classes from './sides.module.css'

interface SidesProps {
  checkpoint: OpenedCheckpoint
  /** The other one; empty when none was chosen. */
  path: string
  onChoose: (path: string) => void
  /** The open one stands on the right. */
  swapped: boolean
  onSwap: () => void
  /** How the sides are compared. */
  options: ReactNode
  ready: boolean
  onRun: () => void
}

/** Left and right, and how to choose the one that is not open. */
export function Sides({ checkpoint, path, onChoose, swapped, onSwap, options, ready, onRun }: SidesProps) {
  const open = (
    <Side name={swapped ? 'Right' : 'Left'}>
      <span className={classes.open} title={visible(checkpoint.path)}>
        <SafeText>{checkpoint.name}</SafeText>
      </span>
    </Side>
  )
  const other = (
    <Side name={swapped ? 'Left' : 'Right'}>
      <Chooser checkpoint={checkpoint} path={path} onChoose={onChoose} />
    </Side>
  )
  return (
    <div className={classes.sides}>
      {swapped ? other : open}
      <IconAction label="Swap sides" onClick={onSwap} data-testid="compare-swap">
        <IconArrowsExchange size={16} />
      </IconAction>
      {swapped ? open : other}
      <div className={classes.ways}>
        {options}
        <Button variant="filled" disabled={!ready} onClick={onRun} data-testid="compare-run">
          Compare
        </Button>
      </div>
    </div>
  )
}

function Side({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className={classes.side}>
      <span className={classes.label}>{name}</span>
      {children}
    </div>
  )
}

function Chooser({ checkpoint, path, onChoose }: Pick<SidesProps, 'checkpoint' | 'path' | 'onChoose'>) {
  const { bridge } = useApi()
  const siblings = checkpoint.siblings.filter((sibling) => sibling.path !== checkpoint.path)
  const chooseFrom = async (ask: () => Promise<string | null>) => {
    const chosen = await ask()
    if (chosen !== null) onChoose(chosen)
  }
  return (
    <Menu position="bottom-start" width={280}>
      <Menu.Target>
        <Button
          variant="default"
          rightSection={<IconChevronDown size={14} aria-hidden />}
          title={visible(path)}
          data-testid="compare-choose"
        >
          {path === '' ? 'Choose…' : <SafeText>{baseName(path)}</SafeText>}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {siblings.length > 0 && <Menu.Label>Of the same run</Menu.Label>}
        {siblings.map((sibling) => (
          <Menu.Item
            key={sibling.path}
            onClick={() => onChoose(sibling.path)}
            rightSection={
              sibling.step !== undefined && <span className={classes.step}>step {formatCount(sibling.step)}</span>
            }
            data-testid="compare-sibling"
          >
            {visible(sibling.name)}
          </Menu.Item>
        ))}
        {siblings.length > 0 && <Menu.Divider />}
        <Menu.Item onClick={() => chooseFrom(bridge.chooseFolder)} data-testid="compare-folder">
          A folder…
        </Menu.Item>
        <Menu.Item onClick={() => chooseFrom(bridge.chooseFile)} data-testid="compare-file">
          A file…
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  )
}

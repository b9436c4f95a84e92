import { Spotlight } from '@mantine/spotlight'
import { IconSearch } from '@tabler/icons-react'
import type { Command } from '../../commands/commands'
import { paletteStore } from '../../commands/stores'
import { Keys } from '../../ui/keys'
import classes from './palette.module.css'

/** Every command by name. */
export function Palette({ commands }: { commands: readonly Command[] }) {
  const groups = [...new Set(commands.map((command) => command.group))]
  return (
    <Spotlight
      store={paletteStore}
      shortcut={null}
      classNames={classes}
      nothingFound="No command of that name"
      searchProps={{
        placeholder: 'What do you want to do?',
        'aria-label': 'Find a command',
        leftSection: <IconSearch size={16} aria-hidden />,
      }}
      title="Commands"
      scrollable
      overlayProps={{ backgroundOpacity: 0.3, blur: 0 }}
      transitionProps={{ duration: 80 }}
      maxHeight="56vh"
      centered={false}
      yOffset="12vh"
      // It scrolls, so the keyboard must reach it.
      scrollAreaProps={{ viewportProps: { tabIndex: 0 } }}
      actions={groups.map((group) => ({
        group,
        actions: commands
          .filter((command) => command.group === group)
          .map((command) => ({
            id: command.id,
            label: command.label,
            onClick: command.run,
            rightSection: command.keys?.[0] && <Keys keys={command.keys[0]} />,
          })),
      }))}
    />
  )
}

import { Button, useComputedColorScheme } from '@mantine/core'
import { IconMoon, IconSearch, IconSun } from '@tabler/icons-react'
import type { Command } from '../../commands/commands'
import { palette } from '../../commands/stores'
import { formatCount } from '../../ui/format'
import { IconAction } from '../../ui/icon-action'
import { Keys } from '../../ui/keys'
import { SafeText, visible } from '../../ui/safe-text'
import type { Subject } from '../../workspace/workspace'
import { VerdictTag } from '../shared/verdict'
import classes from './header.module.css'
import { SiblingSwitcher } from './sibling-switcher'

/** What is open and how it is, above every view. */
export function Header({ subject, commands }: { subject: Subject; commands: readonly Command[] }) {
  const scheme = useComputedColorScheme()
  const theme = commands.find((command) => command.id === 'toggle-theme')
  return (
    <div className={classes.header}>
      <h1 className={classes.name} title={visible(subject.path)}>
        <SafeText>{subject.name}</SafeText>
      </h1>
      {subject.kind === 'checkpoint' ? (
        <>
          <VerdictTag verdict={subject.verification.verdict} />
          <span className={classes.layout}>{subject.layoutLabel}</span>
          {subject.siblings.length > 1 && <SiblingSwitcher checkpoint={subject} />}
        </>
      ) : (
        <span className={classes.layout}>Run of {formatCount(subject.listed.length)} checkpoints</span>
      )}
      <div className={classes.end}>
        <Button
          variant="default"
          className={classes.palette}
          leftSection={<IconSearch size={14} aria-hidden />}
          rightSection={<Keys keys="mod+K" />}
          onClick={palette.open}
        >
          Commands
        </Button>
        <IconAction label={theme?.label ?? 'Theme'} onClick={theme?.run} data-testid="theme-toggle">
          {scheme === 'dark' ? <IconSun size={16} /> : <IconMoon size={16} />}
        </IconAction>
      </div>
    </div>
  )
}

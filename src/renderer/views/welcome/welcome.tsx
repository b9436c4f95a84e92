import { ActionIcon, Button, useComputedColorScheme } from '@mantine/core'
import { IconFile, IconFolderOpen, IconMoon, IconSun } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useApi } from '../../api/context'
import type { Command } from '../../commands/commands'
import { baseName, folderOf } from '../../ui/format'
import { Keys } from '../../ui/keys'
import { SafeText, visible } from '../../ui/safe-text'
import { useWorkspace } from '../../workspace/hooks'
import { Logo } from '../shared/logo'
import classes from './welcome.module.css'

/** The first page: ways in, and nothing else. */
export function Welcome({ commands, opening }: { commands: readonly Command[]; opening: string | null }) {
  const { bridge } = useApi()
  const workspace = useWorkspace()
  const scheme = useComputedColorScheme()
  const recent = useQuery({ queryKey: ['recent'], queryFn: () => bridge.recent(), staleTime: 0 })
  const run = (id: string) => commands.find((command) => command.id === id)?.run()
  return (
    <main className={classes.page} aria-busy={opening !== null}>
      <div className={classes.column}>
        <header className={classes.head}>
          <Logo size={44} />
          <div>
            <h1>Assay</h1>
            <p>Is this checkpoint whole? Can training go on from it?</p>
          </div>
        </header>
        <div className={classes.actions}>
          <Button
            variant="filled"
            size="sm"
            leftSection={<IconFolderOpen size={16} aria-hidden />}
            rightSection={<Keys keys="mod+shift+O" />}
            onClick={() => run('open-folder')}
            data-testid="open-folder"
          >
            Open folder
          </Button>
          <Button
            variant="default"
            size="sm"
            leftSection={<IconFile size={16} aria-hidden />}
            rightSection={<Keys keys="mod+O" />}
            onClick={() => run('open-file')}
            data-testid="open-file"
          >
            Open file
          </Button>
        </div>
        <p className={classes.hint} role="status">
          {opening === null ? (
            'Or drop a checkpoint file, a checkpoint folder or a whole run anywhere on this window.'
          ) : (
            <>
              Opening <SafeText>{baseName(opening)}</SafeText>…
            </>
          )}
        </p>

        <section aria-labelledby="recent-title" className={classes.recent}>
          <h2 id="recent-title">Recent</h2>
          {recent.data && recent.data.length > 0 ? (
            <ul>
              {recent.data.slice(0, 8).map((path) => (
                <li key={path}>
                  <button type="button" title={visible(path)} onClick={() => workspace.open(path)} data-testid="recent">
                    <span>
                      <SafeText>{baseName(path)}</SafeText>
                    </span>
                    <span className={classes.folder}>
                      <SafeText>{folderOf(path)}</SafeText>
                    </span>
                  </button>
                </li>
              ))}
            </ul>
          ) : (
            <p className={classes.none}>What you open will be listed here.</p>
          )}
        </section>

        <section aria-labelledby="sample-title" className={classes.recent}>
          <h2 id="sample-title">New here?</h2>
          <button type="button" className={classes.sample} onClick={() => run('open-sample')} data-testid="open-sample">
            <span>Open the sample run</span>
            <span className={classes.folder}>Three checkpoints of a tiny GPT-2. One of them is not quite whole.</span>
          </button>
        </section>
      </div>
      <footer className={classes.foot}>
        <span>Nothing leaves this machine, and nothing in a checkpoint is ever run.</span>
        <span className={classes.keys}>
          <Keys keys="mod+K" /> Commands <Keys keys="?" /> Shortcuts
        </span>
        <ActionIcon
          aria-label={scheme === 'dark' ? 'Use the light theme' : 'Use the dark theme'}
          onClick={() => run('toggle-theme')}
          data-testid="theme-toggle"
        >
          {scheme === 'dark' ? <IconSun size={16} /> : <IconMoon size={16} />}
        </ActionIcon>
      </footer>
    </main>
  )
}

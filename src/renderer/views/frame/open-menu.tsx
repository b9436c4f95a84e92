import { ActionIcon, Menu } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { type ReactNode, useState } from 'react'
import { useApi } from '../../api/context'
import { Keys } from '../../ui/keys'
import { SafeText, visible } from '../../ui/safe-text'
import { useWorkspace } from '../../workspace/hooks'
import classes from './open-menu.module.css'

/** Open a file, a folder, or something opened before. */
export function OpenMenu({ children }: { children: ReactNode }) {
  const { bridge } = useApi()
  const workspace = useWorkspace()
  const [opened, setOpened] = useState(false)
  const recent = useQuery({ queryKey: ['recent'], queryFn: () => bridge.recent(), enabled: opened, staleTime: 0 })
  const openFrom = async (choose: () => Promise<string | null>) => {
    const path = await choose()
    if (path !== null) await workspace.open(path)
  }
  return (
    <Menu opened={opened} onChange={setOpened} position="bottom-start" width={340}>
      <Menu.Target>
        <ActionIcon aria-label="Open" data-testid="open-menu">
          {children}
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item rightSection={<Keys keys="mod+O" />} onClick={() => openFrom(bridge.chooseFile)}>
          Open file…
        </Menu.Item>
        <Menu.Item rightSection={<Keys keys="mod+shift+O" />} onClick={() => openFrom(bridge.chooseFolder)}>
          Open folder…
        </Menu.Item>
        {recent.data && recent.data.length > 0 && (
          <>
            <Menu.Label>Recent</Menu.Label>
            {recent.data.slice(0, 8).map((path) => (
              <Menu.Item key={path} title={visible(path)} onClick={() => workspace.open(path)}>
                <span className={classes.path}>
                  <SafeText>{path}</SafeText>
                </span>
              </Menu.Item>
            ))}
          </>
        )}
        <Menu.Divider />
        <Menu.Item onClick={() => workspace.close()}>Welcome page</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  )
}

import './tokens.css'
import '@mantine/core/styles.layer.css'
import '@mantine/notifications/styles.layer.css'
import '@mantine/spotlight/styles.layer.css'
import '@mantine/dropzone/styles.layer.css'
import './fonts/inter.css'
import './base.css'
import { localStorageColorSchemeManager, MantineProvider } from '@mantine/core'
import { Notifications } from '@mantine/notifications'
import { StrictMode, useState } from 'react'
import { type Api, ApiProvider } from './api/context'
import { cssVariables, theme } from './theme'
import { Window } from './views/frame/window'
import { WorkspaceProvider } from './workspace/hooks'
import { Workspace } from './workspace/workspace'

const colorScheme = localStorageColorSchemeManager({ key: 'assay-color-scheme' })

/** The whole window over one connection to the world. */
export function App({ api }: { api: Api }) {
  const [workspace] = useState(() => new Workspace(api))
  return (
    <StrictMode>
      <MantineProvider
        theme={theme}
        cssVariablesResolver={cssVariables}
        defaultColorScheme="auto"
        colorSchemeManager={colorScheme}
      >
        <ApiProvider api={api}>
          <WorkspaceProvider workspace={workspace}>
            <Window />
            <Notifications position="bottom-right" autoClose={2500} />
          </WorkspaceProvider>
        </ApiProvider>
      </MantineProvider>
    </StrictMode>
  )
}

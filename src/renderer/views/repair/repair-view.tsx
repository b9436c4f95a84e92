import { Tabs } from '@mantine/core'
import { useWorkspace, useWorkspaceState } from '../../workspace/hooks'
import { ExportPanel } from './export-panel'
import { RepairPanel } from './repair-panel'
import classes from './repair-view.module.css'

/** The two things that write: a mended copy, and the weights alone in another format. Originals are never lost. */
export function RepairView() {
  const workspace = useWorkspace()
  const { tab } = useWorkspaceState()
  return (
    <Tabs
      value={tab}
      onChange={(next) => workspace.show('repair', next === 'export' ? 'export' : 'repair')}
      className={classes.view}
    >
      <Tabs.List className={classes.tabs}>
        <Tabs.Tab value="repair" data-testid="tab-repair">
          Repair
        </Tabs.Tab>
        <Tabs.Tab value="export" data-testid="tab-export">
          Export weights
        </Tabs.Tab>
      </Tabs.List>
      <Tabs.Panel value="repair" className={classes.panel}>
        <RepairPanel />
      </Tabs.Panel>
      <Tabs.Panel value="export" className={classes.panel}>
        <ExportPanel />
      </Tabs.Panel>
    </Tabs>
  )
}

import { Button } from '@mantine/core'
import { useDisclosure, useHotkeys } from '@mantine/hooks'
import { notifications } from '@mantine/notifications'
import { Activity, type ComponentType, useEffect, useState } from 'react'
import { useApi, useEngineGeneration } from '../../api/context'
import { type Command, useCommands } from '../../commands/commands'
import { ErrorPanel } from '../../ui/error-panel'
import { visible } from '../../ui/safe-text'
import { CheckpointProvider, useWorkspace, useWorkspaceState } from '../../workspace/hooks'
import { VIEWS, type ViewId } from '../../workspace/workspace'
import { CompareView } from '../compare/compare-view'
import { OverviewView } from '../overview/overview-view'
import { RawView } from '../raw/raw-view'
import { RepairView } from '../repair/repair-view'
import { RunView } from '../run/run-view'
import { TensorsView } from '../tensors/tensors-view'
import { TrainingView } from '../training/training-view'
import { Welcome } from '../welcome/welcome'
import { DropTarget } from './drop-target'
import { GoToTensor } from './go-to-tensor'
import { Header } from './header'
import { Navigation } from './navigation'
import { Palette } from './palette'
import { Shortcuts } from './shortcuts'
import { StatusBar } from './status-bar'
import classes from './window.module.css'

/** All that is in sight: what is open, the view on it, and the ways to everything else. */
export function Window() {
  const { subject, opening, failure } = useWorkspaceState()
  const workspace = useWorkspace()
  const [shortcuts, { open, close }] = useDisclosure()
  const commands = useCommands(open)
  useKeys(commands)
  useApp(commands)
  useRestartNotice()
  useTitle(subject ? `${visible(subject.name)} – ${visible(subject.path)}` : 'Assay')
  const checkpoint = subject?.kind === 'checkpoint' ? subject : null

  return (
    <>
      {subject || failure ? (
        <div className={classes.frame}>
          <Navigation subject={failure ? null : subject} />
          <main className={classes.main}>
            {subject && <Header subject={subject} commands={commands} />}
            <div className={classes.view} aria-busy={opening !== null}>
              {failure && (
                <div className={classes.failure}>
                  <ErrorPanel
                    problem={failure.problem}
                    retry={() => workspace.open(failure.path)}
                    actions={<Leave hasSubject={subject !== null} />}
                  />
                </div>
              )}
              {!failure && subject?.kind === 'run' && <RunView run={subject} />}
              {!failure && checkpoint && (
                <CheckpointProvider value={checkpoint}>
                  <Views />
                </CheckpointProvider>
              )}
            </div>
          </main>
          <StatusBar subject={subject} opening={opening} />
        </div>
      ) : (
        <Welcome commands={commands} opening={opening} />
      )}
      {checkpoint && <GoToTensor checkpoint={checkpoint} />}
      <Palette commands={commands} />
      <Shortcuts opened={shortcuts} close={close} commands={commands} />
      <DropTarget />
    </>
  )
}

/** What the system calls the window. */
function useTitle(title: string): void {
  useEffect(() => {
    document.title = title
  }, [title])
}

function Leave({ hasSubject }: { hasSubject: boolean }) {
  const workspace = useWorkspace()
  return (
    <Button variant="subtle" onClick={() => (hasSubject ? workspace.dismiss() : workspace.close())}>
      {hasSubject ? 'Back to what was open' : 'Welcome page'}
    </Button>
  )
}

const COMPONENTS: Record<ViewId, ComponentType> = {
  overview: OverviewView,
  tensors: TensorsView,
  training: TrainingView,
  compare: CompareView,
  repair: RepairView,
  raw: RawView,
}

/** A view is made when it is first looked at, and kept with all that was typed and unfolded in it. */
function Views() {
  const { view } = useWorkspaceState()
  const [seen, setSeen] = useState<ReadonlySet<ViewId>>(new Set([view]))
  if (!seen.has(view)) setSeen(new Set([...seen, view]))
  return VIEWS.filter((id) => seen.has(id)).map((id) => {
    const View = COMPONENTS[id]
    return (
      <Activity key={id} mode={id === view ? 'visible' : 'hidden'}>
        <View />
      </Activity>
    )
  })
}

/** Keys with a modifier work everywhere; bare ones leave text fields alone. */
function useKeys(commands: readonly Command[]): void {
  const { jobs } = useApi()
  const keys = commands.flatMap((command) => command.keys?.map((key) => [key, command.run] as const) ?? [])
  const anywhere = (key: string) => key.startsWith('mod') || key.startsWith('F')
  useHotkeys(
    keys.filter(([key]) => anywhere(key)).map(([key, run]) => [key, run]),
    [],
  )
  useHotkeys(keys.filter(([key]) => !anywhere(key)).map(([key, run]) => [key, run]))
  useEffect(() => {
    const cancel = (event: KeyboardEvent) => {
      // Menus and dialogs take Escape for themselves.
      if (event.key !== 'Escape' || event.defaultPrevented || document.querySelector('[role=dialog], [role=menu]'))
        return
      const last = jobs.running().at(-1)
      if (last) jobs.cancel(last.key)
    }
    window.addEventListener('keydown', cancel)
    return () => window.removeEventListener('keydown', cancel)
  }, [jobs])
}

/** Says that what broke is mended: what was open is being opened again by the workspace. */
function useRestartNotice(): void {
  const generation = useEngineGeneration()
  useEffect(() => {
    if (generation > 1) notifications.show({ message: 'The engine stopped and was started again.' })
  }, [generation])
}

/** What the app asks of the window: paths from outside, commands of its menu. */
function useApp(commands: readonly Command[]): void {
  const { bridge } = useApi()
  const workspace = useWorkspace()
  useEffect(() => bridge.onOpen((path) => void workspace.open(path)), [bridge, workspace])
  useEffect(() => bridge.onCommand((id) => commands.find((command) => command.id === id)?.run()), [bridge, commands])
}

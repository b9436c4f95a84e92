import { useComputedColorScheme, useMantineColorScheme } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useApi } from '../api/context'
import { useWorkspace, useWorkspaceState } from '../workspace/hooks'
import { verifyEveryValue } from '../workspace/verify'
import { VIEWS, type ViewId } from '../workspace/workspace'
import { palette, tensorPalette } from './stores'

export interface Command {
  /** What the app's menu calls it by. */
  readonly id: string
  readonly label: string
  readonly group: 'File' | 'Go' | 'Checkpoint' | 'Window'
  /** As Mantine's hotkeys spell it. The first one is shown. */
  readonly keys?: readonly string[]
  readonly run: () => void
}

export const VIEW_NAMES: Record<ViewId, string> = {
  overview: 'Overview',
  tensors: 'Tensors',
  training: 'Training',
  compare: 'Compare',
  repair: 'Repair',
  raw: 'Raw',
}

/** Everything that can be done at the moment: for the palette, the keyboard and the app's menu alike. */
export function useCommands(openShortcuts: () => void): readonly Command[] {
  const api = useApi()
  const { bridge, jobs } = api
  const workspace = useWorkspace()
  const { subject } = useWorkspaceState()
  const scheme = useComputedColorScheme()
  const { setColorScheme } = useMantineColorScheme()

  const openFrom = (choose: () => Promise<string | null>) => async () => {
    const path = await choose()
    if (path !== null) await workspace.open(path)
  }

  const always: Command[] = [
    { id: 'open-file', label: 'Open file…', group: 'File', keys: ['mod+O'], run: openFrom(() => bridge.chooseFile()) },
    {
      id: 'open-folder',
      label: 'Open folder…',
      group: 'File',
      keys: ['mod+shift+O'],
      run: openFrom(() => bridge.chooseFolder()),
    },
    { id: 'open-sample', label: 'Open the sample run', group: 'File', run: openFrom(() => bridge.samplePath()) },
    { id: 'palette', label: 'Show all commands', group: 'Window', keys: ['mod+K', 'mod+shift+P'], run: palette.open },
    { id: 'shortcuts', label: 'Keyboard shortcuts', group: 'Window', keys: ['shift+?'], run: openShortcuts },
    {
      id: 'toggle-theme',
      label: scheme === 'dark' ? 'Use the light theme' : 'Use the dark theme',
      group: 'Window',
      run: () => setColorScheme(scheme === 'dark' ? 'light' : 'dark'),
    },
    { id: 'system-theme', label: "Use the system's theme", group: 'Window', run: () => setColorScheme('auto') },
    {
      id: 'cancel',
      label: 'Cancel the running job',
      group: 'Window',
      run: () => {
        const last = jobs.running().at(-1)
        if (last) jobs.cancel(last.key)
      },
    },
  ]
  if (!subject) return always

  const whenOpen: Command[] = [
    { id: 'reload', label: 'Reload from disk', group: 'File', keys: ['F5', 'mod+R'], run: () => workspace.reload() },
    { id: 'show-in-folder', label: 'Show in folder', group: 'File', run: () => bridge.showInFolder(subject.path) },
    {
      id: 'copy-path',
      label: 'Copy the path',
      group: 'File',
      run: async () => {
        await navigator.clipboard.writeText(subject.path)
        notifications.show({ message: 'Path copied' })
      },
    },
    { id: 'close', label: 'Close', group: 'File', keys: ['mod+W'], run: () => workspace.close() },
  ]
  if (subject.kind === 'run') return [...always, ...whenOpen]

  const here = subject.siblings.findIndex((sibling) => sibling.path === subject.path)
  const beside = (by: number) => {
    const sibling = subject.siblings[here + by]
    if (here >= 0 && sibling) void workspace.open(sibling.path)
  }
  return [
    ...always,
    ...whenOpen,
    ...VIEWS.map(
      (view, i): Command => ({
        id: `view-${view}`,
        label: VIEW_NAMES[view],
        group: 'Go',
        keys: [`${i + 1}`],
        run: () => workspace.show(view),
      }),
    ),
    { id: 'go-to-tensor', label: 'Go to tensor…', group: 'Go', keys: ['mod+P'], run: tensorPalette.open },
    {
      id: 'export',
      label: 'Export weights…',
      group: 'Checkpoint',
      keys: ['mod+shift+E'],
      run: () => workspace.show('repair', 'export'),
    },
    {
      id: 'load-plan',
      label: 'Load a repair plan…',
      group: 'Checkpoint',
      run: async () => {
        const path = await bridge.choosePlan()
        if (path !== null) await workspace.loadPlan(path)
      },
    },
    ...(subject.tensorCount > 0
      ? ([
          {
            id: 'verify-deep',
            label: 'Check every value',
            group: 'Checkpoint',
            run: () => verifyEveryValue(api, workspace, subject.id),
          },
        ] as const)
      : []),
    ...(subject.siblings.length > 1
      ? ([
          {
            id: 'previous-checkpoint',
            label: 'Earlier checkpoint of the run',
            group: 'Go',
            keys: ['alt+ArrowUp'],
            run: () => beside(-1),
          },
          {
            id: 'next-checkpoint',
            label: 'Later checkpoint of the run',
            group: 'Go',
            keys: ['alt+ArrowDown'],
            run: () => beside(1),
          },
        ] as const)
      : []),
  ]
}

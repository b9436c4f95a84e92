import { createContext, type ReactNode, useContext, useSyncExternalStore } from 'react'
import type { OpenedCheckpoint } from '../../contract/contract'
import type { Workspace, WorkspaceState } from './workspace'

const Context = createContext<Workspace | null>(null)

export function WorkspaceProvider({ workspace, children }: { workspace: Workspace; children: ReactNode }) {
  return <Context value={workspace}>{children}</Context>
}

export function useWorkspace(): Workspace {
  const workspace = useContext(Context)
  if (!workspace) throw new Error('useWorkspace needs a WorkspaceProvider above it')
  return workspace
}

export function useWorkspaceState(): WorkspaceState {
  const workspace = useWorkspace()
  return useSyncExternalStore(workspace.subscribe, workspace.state, workspace.state)
}

const CheckpointContext = createContext<OpenedCheckpoint | null>(null)
export const CheckpointProvider = CheckpointContext

/** The open checkpoint. Only for views that the frame shows when there is one. */
export function useCheckpoint(): OpenedCheckpoint {
  const checkpoint = useContext(CheckpointContext)
  if (!checkpoint) throw new Error('useCheckpoint needs an open checkpoint')
  return checkpoint
}

import type { Verification } from '../../contract/schemas'
import type { Api } from '../api/context'
import type { Workspace } from './workspace'

export function verifyKey(id: string): string {
  return `verify ${id}`
}

/** Reads every value of the open checkpoint; its verdict takes the place of the quick one. */
export async function verifyEveryValue({ client, jobs }: Api, workspace: Workspace, id: string): Promise<void> {
  const verification = await jobs.start<Verification>(verifyKey(id), 'Checking every value', (signal) =>
    client.verifyDeep({ id }, { signal }),
  )
  if (verification) workspace.verified(id, verification)
}

import { useMemo, useState } from 'react'
import { formatCount, formatValue } from '../../ui/format'
import { SafeText, visible } from '../../ui/safe-text'
import { Tree } from '../../ui/tree'
import { type ModuleRow, moduleLines, openedAtFirst } from './modules'
import classes from './modules-pane.module.css'

interface ModulesPaneProps {
  modules: readonly ModuleRow[]
  /** Modules in which nothing differs are left out. */
  differingOnly: boolean
  /** The module that the table keeps to; null for the whole model. */
  scope: string | null
  onScope: (module: string | null) => void
}

/** The model by its modules, each with how many of its tensors differ. */
export function ModulesPane({ modules, differingOnly, scope, onScope }: ModulesPaneProps) {
  const [opened, setOpened] = useState<ReadonlySet<string>>(() => openedAtFirst(modules, 40))
  const lines = useMemo(() => moduleLines(modules, opened, differingOnly), [modules, opened, differingOnly])
  return (
    <Tree
      label="Modules"
      lines={lines}
      selected={scope}
      onOpen={(keys, open) => {
        const next = new Set(opened)
        for (const key of keys) {
          if (open) next.add(key)
          else next.delete(key)
        }
        setOpened(next)
      }}
      onSelect={({ key }) => onScope(key === scope ? null : key)}
      titleOf={({ module }) =>
        `${visible(module.name)}: ${formatCount(module.differing)} of ${formatCount(module.tensors)} tensors differ, RMS ${formatValue(module.rms)}`
      }
      attributesOf={() => ({ 'data-testid': 'diff-module' })}
    >
      {({ label, module }) => (
        <>
          <span className={classes.label}>
            <SafeText>{label}</SafeText>
          </span>
          <span className={classes.count} data-differs={module.differing > 0}>
            {module.differing > 0 ? formatCount(module.differing) : 'same'}
          </span>
        </>
      )}
    </Tree>
  )
}

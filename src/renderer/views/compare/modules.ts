import type { DiffReport } from '../../api/compare'
import type { TreeLine } from '../../ui/tree-keys'
import { sortNaturally } from '../tensors/natural'

export type ModuleRow = NonNullable<DiffReport['modules']>[number]

/** A module as the tree of a comparison shows it. */
export interface ModuleLine extends TreeLine {
  readonly module: ModuleRow
}

/** The name of the module that a module is in; the whole model's is empty. */
function parentOf(name: string): string {
  return name.slice(0, Math.max(0, name.lastIndexOf('.')))
}

/** Modules by the module they are in, those in which nothing differs left out on demand. */
function byParent(modules: readonly ModuleRow[], differingOnly: boolean): Map<string, ModuleRow[]> {
  const children = new Map<string, ModuleRow[]>()
  for (const module of modules) {
    if (module.name === '' || (differingOnly && module.differing === 0)) continue
    const parent = parentOf(module.name)
    const list = children.get(parent)
    if (list) list.push(module)
    else children.set(parent, [module])
  }
  return children
}

/** The lines in sight when `opened` names the opened modules, in natural order of names. */
export function moduleLines(
  modules: readonly ModuleRow[],
  opened: ReadonlySet<string>,
  differingOnly: boolean,
): ModuleLine[] {
  const children = byParent(modules, differingOnly)
  const lines: ModuleLine[] = []
  const walk = (of: string, level: number, parent: number) => {
    const inside = sortNaturally(children.get(of) ?? [], ({ name }) => name)
    for (const [i, module] of inside.entries()) {
      const isOpen = opened.has(module.name)
      const index = lines.length
      lines.push({
        key: module.name,
        label: of === '' ? module.name : module.name.slice(of.length + 1),
        level,
        position: i + 1,
        siblings: inside.length,
        expandable: children.has(module.name),
        opened: isOpen,
        parent,
        module,
      })
      if (isOpen) walk(module.name, level + 1, index)
    }
  }
  walk('', 1, -1)
  return lines
}

/** The modules to open before anybody opened any: outer ones first, while no more than about `limit` lines are in sight. */
export function openedAtFirst(modules: readonly ModuleRow[], limit: number): ReadonlySet<string> {
  const children = byParent(modules, false)
  const opened = new Set<string>()
  const waiting = ['']
  let shown = 0
  for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
    const inside = children.get(name) ?? []
    if (name !== '' && shown + inside.length > limit) continue
    shown += inside.length
    opened.add(name)
    waiting.push(...inside.map((module) => module.name))
  }
  return opened
}

/** The layers of the model: the largest family of modules that differ by their number alone, in its order; none below two. */
export function layersOf(modules: readonly ModuleRow[]): ModuleRow[] {
  const families = new Map<string, ModuleRow[]>()
  for (const module of modules) {
    if (!/(^|\.)\d+$/.test(module.name)) continue
    const family = parentOf(module.name)
    const list = families.get(family)
    if (list) list.push(module)
    else families.set(family, [module])
  }
  // Of two families of one size, the outer one: a layer, not an expert in it.
  const [largest] = [...families].sort(([a, x], [b, y]) => y.length - x.length || a.length - b.length)
  return largest && largest[1].length > 1 ? sortNaturally(largest[1], ({ name }) => name) : []
}

/** Whether a tensor is in a module. */
export function isIn(tensor: string, module: string): boolean {
  return module === '' || tensor === module || tensor.startsWith(`${module}.`)
}

import { finding } from '../../finding'
import { some } from '../names'
import { foreignFolder } from './foreign'
import type { Layout } from './layout'

/** A folder with nothing that Assay can open. */
export const unknown: Layout = {
  id: 'unknown',
  label: 'Unknown folder',
  matches: () => true,
  async open(draft) {
    const { entries, name } = draft.listing
    const foreign = foreignFolder(draft.listing)
    if (foreign) {
      const { what, opens } = foreign
      draft.label = `Folder of another framework: ${what}`
      const message = `${name} is ${what}; Assay does not read its contents${opens ? `; ${opens}` : ''}`
      draft.findings.push(finding('file/unknown-format', name, message))
      draft.mark('weights', 'missing', [], `${name} is ${what}, which Assay does not read`)
      return
    }
    const files = entries.filter(({ kind }) => kind !== 'folder').map(({ path }) => path)
    const holds = files.length === 0 ? 'is empty' : `holds only ${some(files)}`
    draft.mark('weights', 'missing', [], `${name} ${holds}: no model file, no index, no training state`)
  },
}

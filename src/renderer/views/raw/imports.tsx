import type { PickledFile } from '../../../contract/schemas'
import { plural } from '../../ui/format'
import { SafeText } from '../../ui/safe-text'
import { Section } from '../../ui/section'
import classes from './imports.module.css'
import { importsOf, pathOf } from './safety'
import { SafetyTag } from './safety-tag'

/** Everything that unpickling the file would import, worst first. */
export function Imports({ pickle }: { pickle: PickledFile }) {
  const imports = importsOf(pickle)
  return (
    <Section title="Imports" note={plural(imports.length, 'class or function', 'classes and functions')}>
      {imports.length === 0 && <p className={classes.none}>None: plain values only.</p>}
      <ul className={classes.imports}>
        {imports.map((each) => (
          <li key={pathOf(each)} data-testid="raw-import" data-verdict={each.verdict}>
            <span className={classes.name}>
              <SafeText>{pathOf(each)}</SafeText>
            </span>
            <SafetyTag safety={each.verdict} />
          </li>
        ))}
      </ul>
    </Section>
  )
}

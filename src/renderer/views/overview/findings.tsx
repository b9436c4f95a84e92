import { IconCircleCheck } from '@tabler/icons-react'
import { useMemo } from 'react'
import type { Verification } from '../../../contract/schemas'
import { useRules } from '../../api/rules'
import { Empty } from '../../ui/empty'
import { plural } from '../../ui/format'
import { Section } from '../../ui/section'
import { useCheckpoint } from '../../workspace/hooks'
import { useMendable } from '../repair/use-plan'
import { FindingGroup } from './finding-group'
import classes from './findings.module.css'
import { groupByRule } from './group'

/** What is wrong, worst first, one entry a rule: three hundred of a kind read as one. */
export function Findings({ verification }: { verification: Verification }) {
  const { findings, deep } = verification
  const checkpoint = useCheckpoint()
  const groups = useMemo(() => groupByRule(findings), [findings])
  const isMendable = useMendable(checkpoint)
  const rules = useRules()
  if (groups.length === 0) {
    return (
      <Section title="Findings">
        <Empty icon={<IconCircleCheck size={24} />} title="Nothing is wrong that can be seen">
          {deep
            ? 'Every rule was asked and every value was read.'
            : 'Values were not read yet: only names, shapes and files.'}
        </Empty>
      </Section>
    )
  }
  return (
    <Section title="Findings" note={plural(findings.length, 'finding')}>
      <ul className={classes.list}>
        {groups.map((group) => (
          <FindingGroup
            key={group.rule}
            group={group}
            text={rules.get(group.rule)}
            mendable={group.findings.some(isMendable)}
          />
        ))}
      </ul>
    </Section>
  )
}

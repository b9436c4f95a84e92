import { Button } from '@mantine/core'
import { IconAlertTriangle, IconChevronRight, IconCircleX, IconInfoCircle, IconTool } from '@tabler/icons-react'
import { useState } from 'react'
import type { Finding, RuleText } from '../../../contract/schemas'
import { useTensorRows } from '../../api/tensors'
import { formatCount, ruleWords } from '../../ui/format'
import { keyed } from '../../ui/keyed'
import { SafeText } from '../../ui/safe-text'
import { useCheckpoint, useWorkspace } from '../../workspace/hooks'
import { Evidence } from './evidence'
import classes from './findings.module.css'
import type { RuleGroup } from './group'

const SEVERITY = {
  error: { word: 'Error', Icon: IconCircleX },
  warning: { word: 'Warning', Icon: IconAlertTriangle },
  info: { word: 'Note', Icon: IconInfoCircle },
} as const satisfies Record<Finding['severity'], { word: string; Icon: typeof IconTool }>

/** Beyond this, the rest is listed on demand. */
const SHOWN = 20

interface FindingGroupProps {
  group: RuleGroup
  /** What its rule means; not there yet at first. */
  text: RuleText | undefined
  /** Whether Assay itself can do something about it. */
  mendable: boolean
}

export function FindingGroup({ group, text, mendable }: FindingGroupProps) {
  const workspace = useWorkspace()
  const { rule, severity, findings } = group
  const [opened, setOpened] = useState(false)
  const [all, setAll] = useState(false)
  const { word, Icon } = SEVERITY[severity]
  const repair = findings.find((finding) => finding.repair)?.repair
  const [first] = findings
  return (
    <li
      className={classes.group}
      data-severity={severity}
      data-testid="finding"
      data-rule={rule}
      data-count={findings.length}
    >
      <div className={classes.head}>
        <button type="button" className={classes.toggle} aria-expanded={opened} onClick={() => setOpened(!opened)}>
          <IconChevronRight size={14} className={classes.chevron} aria-hidden />
          <Icon size={15} className={classes.icon} aria-hidden />
          <span className={classes.title}>
            <strong>{ruleWords(rule)}</strong>
            {findings.length > 1 && <span className={classes.count}>{formatCount(findings.length)}</span>}
            <span className={classes.severity}>{word}</span>
            <code>{rule}</code>
          </span>
        </button>
        {mendable && (
          <Button
            size="compact-xs"
            variant="default"
            leftSection={<IconTool size={13} aria-hidden />}
            onClick={() => workspace.repair(findings)}
            data-testid="finding-repair"
          >
            Repair
          </Button>
        )}
      </div>
      {!opened && first && (
        <p className={classes.message}>
          <SafeText>{first.message}</SafeText>
          {findings.length > 1 && (
            <span className={classes.rest}> and {formatCount(findings.length - 1)} more like it</span>
          )}
        </p>
      )}
      {opened && text && <p className={classes.message}>{text.means}</p>}
      {opened && (
        <ul className={classes.members}>
          {keyed(all ? findings : findings.slice(0, SHOWN)).map(({ key, item: finding }) => (
            <li key={key}>
              <Subject name={finding.subject} />
              <p>
                <SafeText>{finding.message}</SafeText>
              </p>
              {finding.evidence && <Evidence evidence={finding.evidence} />}
            </li>
          ))}
          {!all && findings.length > SHOWN && (
            <li>
              <Button size="compact-xs" variant="subtle" onClick={() => setAll(true)}>
                Show all {formatCount(findings.length)}
              </Button>
            </li>
          )}
        </ul>
      )}
      {(repair || (opened && text)) && (
        <p className={classes.repair}>
          To mend it: <Advice>{repair ?? text?.mends ?? ''}</Advice> <Elsewhere by={text?.by} />
        </p>
      )}
    </li>
  )
}

/** A sentence in which names of the field stand between backticks. */
function Advice({ children }: { children: string }) {
  return keyed(children.split('`')).map(({ key, item }, i) =>
    i % 2 === 1 ? (
      <code key={key}>
        <SafeText>{item}</SafeText>
      </code>
    ) : (
      <SafeText key={key}>{item}</SafeText>
    ),
  )
}

/** The way to the view that mends what no repair does. */
function Elsewhere({ by }: { by: RuleText['by'] }) {
  const workspace = useWorkspace()
  const [label, go] =
    by === 'export' || by === 'dtype'
      ? ['Export', () => workspace.show('repair', 'export')]
      : by === 'diff'
        ? ['Compare', () => workspace.show('compare')]
        : []
  return (
    go && (
      <button type="button" className={classes.tensor} onClick={go} data-testid="finding-elsewhere">
        {label}
      </button>
    )
  )
}

/** What a finding is about: a way to the tensor, where it is one. */
function Subject({ name }: { name: string }) {
  const workspace = useWorkspace()
  const { rows } = useTensorRows(useCheckpoint())
  const row = rows.find((candidate) => candidate.name === name)
  if (!row) {
    return (
      <code className={classes.subject}>
        <SafeText>{name}</SafeText>
      </code>
    )
  }
  return (
    <button type="button" className={classes.tensor} onClick={() => workspace.goTo(row)}>
      <SafeText>{name}</SafeText>
    </button>
  )
}

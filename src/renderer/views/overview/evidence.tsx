import { SafeText } from '../../ui/safe-text'
import classes from './findings.module.css'

/** Facts that a person can check, as names and values. */
export function Evidence({ evidence }: { evidence: Readonly<Record<string, unknown>> }) {
  return (
    <dl className={classes.evidence}>
      {Object.entries(evidence).map(([name, value]) => (
        <div key={name}>
          <dt>
            <SafeText>{name}</SafeText>
          </dt>
          <dd>
            <SafeText>{textOf(value)}</SafeText>
          </dd>
        </div>
      ))}
    </dl>
  )
}

const LONGEST = 400

function textOf(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value))
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text
}

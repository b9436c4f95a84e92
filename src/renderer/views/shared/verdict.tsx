import { IconAlertTriangle, IconCircleCheck, IconCircleX } from '@tabler/icons-react'
import type { Verdict } from '../../../contract/schemas'
import { Tag, type Tone } from '../../ui/tag'

export const VERDICTS = {
  complete: { word: 'Complete', tone: 'good', Icon: IconCircleCheck },
  partial: { word: 'Partial', tone: 'warn', Icon: IconAlertTriangle },
  broken: { word: 'Broken', tone: 'bad', Icon: IconCircleX },
} as const satisfies Record<Verdict, { word: string; tone: Tone; Icon: typeof IconCircleX }>

export function VerdictTag({ verdict }: { verdict: Verdict }) {
  const { word, tone, Icon } = VERDICTS[verdict]
  return (
    <Tag tone={tone} icon={<Icon size={12} aria-hidden />} data-verdict={verdict}>
      {word}
    </Tag>
  )
}

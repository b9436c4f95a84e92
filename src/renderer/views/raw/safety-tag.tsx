import { Tag } from '../../ui/tag'
import { SAFETY, type Safety } from './safety'

export function SafetyTag({ safety }: { safety: Safety }) {
  const { tone, means } = SAFETY[safety]
  return (
    <Tag tone={tone} title={means}>
      {safety}
    </Tag>
  )
}

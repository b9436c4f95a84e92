import { UnstyledButton } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import type { OpenedCheckpoint } from '../../../contract/contract'
import { useApi } from '../../api/context'
import { formatNumber } from '../../ui/format'
import { Section } from '../../ui/section'
import { useWorkspace } from '../../workspace/hooks'
import { dotsOf, heightsOf, thin } from '../training/series'
import classes from './loss-glance.module.css'

const WIDTH = 300
const HEIGHT = 56

/** The loss in one glance, and the way to all of it. Nothing where none was logged. */
export function LossGlance({ checkpoint }: { checkpoint: OpenedCheckpoint }) {
  const { client } = useApi()
  const workspace = useWorkspace()
  const { id } = checkpoint
  const history = useQuery({ queryKey: ['history', id], queryFn: ({ signal }) => client.history({ id }, { signal }) })
  const points = history.data?.loss ?? []
  const dots = thin(dotsOf(points), 300).filter((dot) => dot.y !== null)
  const [first, last] = [dots[0], dots.at(-1)]
  if (!first || !last || dots.length < 2) return null
  const { domain } = heightsOf([{ key: 'loss', name: 'Loss', dots, colour: 1 }])
  const place = (x: number, y: number) =>
    `${((x - first.x) / (last.x - first.x || 1)) * WIDTH} ${HEIGHT - ((y - domain[0]) / (domain[1] - domain[0])) * HEIGHT}`
  const line = dots.map(({ x, y }) => place(x, y ?? 0)).join('L')
  return (
    <Section title="Loss" note={`${formatNumber(first.y)} → ${formatNumber(last.y)}`}>
      <UnstyledButton
        className={classes.glance}
        aria-label={`Loss from ${formatNumber(first.y)} to ${formatNumber(last.y)}: show the training`}
        onClick={() => workspace.show('training')}
      >
        <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden>
          <path className={classes.area} d={`M0 ${HEIGHT}L${line}L${WIDTH} ${HEIGHT}Z`} />
          <path className={classes.line} d={`M${line}`} vectorEffect="non-scaling-stroke" />
        </svg>
      </UnstyledButton>
    </Section>
  )
}

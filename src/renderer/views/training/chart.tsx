import { Switch } from '@mantine/core'
import { IconDownload, IconPhoto, IconTable, IconZoomReset } from '@tabler/icons-react'
import { type ReactNode, useMemo, useRef, useState } from 'react'
import { saveCsv } from '../../ui/csv'
import { formatCount } from '../../ui/format'
import { IconAction } from '../../ui/icon-action'
import { fileNameOf, saveFile } from '../../ui/save'
import { Section } from '../../ui/section'
import { pictureOf } from '../../ui/svg-picture'
import type { AnnotationsProps } from './annotations'
import { Brush } from './brush'
import classes from './chart.module.css'
import { ChartTable } from './chart-table'
import { EventList } from './event-list'
import type { ChartEvent } from './events'
import { Legend, namesOf } from './legend'
import { Plot } from './plot'
import { dotsWithin, type Range, rangeOf } from './range'
import { type Line, rowsOf, thin } from './series'
import { useZoom } from './zoom'

/** More dots than this do not show on any screen. */
const DRAWN = 1500

interface ChartProps extends Partial<Omit<AnnotationsProps, 'range' | 'saves'>> {
  title: string
  lines: readonly Line[]
  /** What x counts. */
  unit: 'step' | 'epoch'
  /** Checkpoints saved on the way. */
  saves?: readonly { readonly x: number; readonly name: string }[]
  height?: number
  controls?: ReactNode
  /** Below it lies a brush for the stretch that all charts of the view show. */
  brushed?: boolean
  testId: string
}

/** Lines over steps. Charts of one view hover and zoom together; each can be had as a table, as CSV and as PNG. */
export function Chart(props: ChartProps) {
  const { title, lines, unit, marker, marks = [], glyphOf, saves = [], events = [], lost = [], testId } = props
  const { height = 190, controls, brushed = false } = props
  const [asTable, setAsTable] = useState(false)
  const [log, setLog] = useState(false)
  const zoom = useZoom(unit)
  const plot = useRef<HTMLDivElement>(null)
  const extent = useMemo<Range>(
    () => rangeOf([...lines.flatMap(({ dots }) => dots.map(({ x }) => x)), ...marks.map(({ x }) => x)]) ?? [0, 1],
    [lines, marks],
  )
  const range = zoom?.range ?? null
  const shown = useMemo(
    () => (range ? lines.map((line) => ({ ...line, dots: dotsWithin(line.dots, range) })) : lines),
    [lines, range],
  )
  const drawn = useMemo(() => shown.map((line) => ({ ...line, dots: thin(line.dots, DRAWN) })), [shown])
  const rows = useMemo(() => (asTable ? rowsOf(shown) : []), [asTable, shown])
  const notes = useMemo(() => notesOf(saves, events), [saves, events])
  const sampled = shown.find((line) => line.dots.length > DRAWN)
  const course = lines.find(({ style }) => style === undefined)

  const saveTable = () =>
    saveCsv(fileNameOf(title, 'csv'), [
      [unit, ...shown.map((line) => line.name)],
      ...rowsOf(shown).map((row) => [row.x, ...shown.map(({ key }) => row[key])]),
    ])
  const savePicture = async () => {
    const svg = plot.current?.querySelector('svg.recharts-surface')
    if (!(svg instanceof SVGSVGElement)) return
    const keys = namesOf(lines).map(({ name, line }) => ({ name, colour: `--chart-${line.colour}` }))
    saveFile(fileNameOf(title, 'png'), await pictureOf(svg, { title, keys }))
  }

  return (
    <Section
      title={title}
      note={<Legend lines={lines} />}
      testId={testId}
      actions={
        <>
          {controls}
          <Switch
            label="Log"
            aria-label={`${title}: logarithmic scale`}
            checked={log}
            onChange={(event) => setLog(event.currentTarget.checked)}
          />
          {range && (
            <IconAction label="Show all of it" keys="0" onClick={() => zoom?.zoomTo(null)} data-testid="zoom-reset">
              <IconZoomReset size={15} />
            </IconAction>
          )}
          <IconAction
            label={asTable ? `${title} as a chart` : `${title} as a table`}
            aria-pressed={asTable}
            onClick={() => setAsTable(!asTable)}
          >
            <IconTable size={15} />
          </IconAction>
          <IconAction label={`Save ${title.toLowerCase()} as CSV`} onClick={saveTable}>
            <IconDownload size={15} />
          </IconAction>
          <IconAction label={`Save ${title.toLowerCase()} as PNG`} disabled={asTable} onClick={savePicture}>
            <IconPhoto size={15} />
          </IconAction>
        </>
      }
    >
      {asTable ? (
        <ChartTable title={title} rows={rows} lines={shown} unit={unit} height={height} />
      ) : (
        <Plot
          ref={plot}
          title={title}
          lines={drawn}
          unit={unit}
          range={range ?? (brushed ? zoom?.extent : undefined) ?? extent}
          log={log}
          height={height}
          annotations={{ marker, marks, glyphOf, events, saves: saves.map(({ x }) => x), lost }}
          notes={notes}
          onStretch={zoom?.zoomTo}
        />
      )}
      {brushed && zoom && course && <Brush line={course} zoom={zoom} />}
      {sampled && !asTable && (
        <p className={classes.note}>
          Drawn from the extremes of {formatCount(sampled.dots.length)} values; the table and the CSV have them all.
        </p>
      )}
      {lost.length > 0 && (
        <p className={classes.lost}>
          NaN or infinite at {unit} {lost.slice(0, 8).map(formatCount).join(', ')}
          {lost.length > 8 && ` and ${formatCount(lost.length - 8)} more`}
        </p>
      )}
      <EventList events={events} zoom={zoom} />
    </Section>
  )
}

/** What the tip says beside the values. */
function notesOf(saves: NonNullable<ChartProps['saves']>, events: readonly ChartEvent[]): Map<number, string[]> {
  const notes = new Map<number, string[]>()
  const add = (x: number, text: string) => notes.set(x, [...(notes.get(x) ?? []), text])
  for (const { x, name } of saves) add(x, `${name} was saved`)
  for (const { x, kind, text } of events) if (kind === 'spike' || kind === 'jump') add(x, text)
  for (const { x, kind } of events) if (kind === 'resume') add(x, 'Training was resumed from here')
  return notes
}

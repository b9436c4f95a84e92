import { answersOn, printedPlan, shapesIn } from '../../contract/plan-file'
import type { PlanStep, RepairResult } from '../../contract/schemas'
import { colors, UsageError } from '../complaint'
import type { Io } from '../io'
import { withSession } from '../session'
import { STATUS, type Status } from '../status'
import { withFlags } from '../text/flags'
import { jsonText, safe } from '../text/safe'
import { plural } from '../text/units'
import { refuseUnclear } from './target'

interface Options {
  readonly out?: string
  readonly inPlace?: true
  readonly reference?: string
  readonly shape?: ReadonlyMap<string, number[]>
  readonly plain?: true
  readonly worldSize?: number
  readonly deep?: true
  readonly choose?: ReadonlyMap<number, string>
  readonly plan?: string
  readonly dryRun?: true
  readonly json?: true
}

export async function repair(path: string, options: Options, io: Io): Promise<Status> {
  return withSession(io, async ({ client, checkpoint, finish, absolute }) => {
    const { reference, shape, plain, choose, plan, deep, out, inPlace, dryRun, json } = options
    if (out !== undefined) refuseUnclear(absolute(path), out, absolute(out))
    const { id } = await checkpoint(path)
    const file = plan === undefined ? undefined : await client.readPlan({ path: absolute(plan) })
    const worldSize = options.worldSize ?? file?.worldSize
    const shapes = new Map([...(file ? shapesIn(file) : []), ...(shape ?? [])])
    const help = {
      id,
      ...(reference !== undefined && { reference: absolute(reference) }),
      ...(shapes.size > 0 && { shapes: [...shapes].map(([name, dimensions]) => ({ name, shape: dimensions })) }),
      ...(plain && { plain }),
      ...(worldSize !== undefined && { worldSize }),
    }
    const call = { ...(io.signal && { signal: io.signal }) }
    if (deep) await finish(client.verifyDeep({ id }, call))
    const answers = file && answersOn(file, (await finish(client.repairPlan(help, call))).plan)
    const [misfit] = answers?.misfits ?? []
    // What the file says must not be passed over.
    if (misfit) throw new UsageError(misfit.why, OTHER_PLAN)
    const chosen = [...(choose ?? [])].map(([step, choice]) => ({ step, choice }))
    const decisions = [...(answers?.decisions ?? []), ...(answers?.unlisted ?? []), ...chosen]
    const input = { ...help, ...(decisions.length > 0 && { decisions }) }
    const target = inPlace ? { inPlace } : out === undefined ? {} : { out: absolute(out) }
    const result = dryRun
      ? printedPlan(await finish(client.repairPlan(input, call)))
      : await finish(client.repair({ ...input, ...target }, call))
    io.stdout.write(
      json
        ? jsonText(result, io.stdout.isTTY === true)
        : text(result, { dryRun: dryRun === true, deep: deep === true }, io),
    )
    const mended = result.unmended.every(({ note }) => note) && result.plan.every(settled)
    return mended && result.verdictAfter !== 'broken' ? STATUS.good : STATUS.findings
  })
}

/** Why a plan in a file may not fit. */
const OTHER_PLAN =
  'The plan may have been made with a --reference or --plain, which are given again; else it has changed since: make a new one (--dry-run --json).'

/** Whether a step is done without a further word from the user. */
function settled({ confidence }: Pick<PlanStep, 'confidence'>): boolean {
  return confidence === 'certain' || confidence === 'likely'
}

function text(result: RepairResult, { dryRun, deep }: { dryRun: boolean; deep: boolean }, io: Io): string {
  const { bold, dim, green, yellow, red } = colors(io)
  const paint = { certain: green, likely: green, ask: yellow, refused: red }
  const { plan, unmended, applied, out, verdictBefore, verdictAfter, compared } = result
  const steps = plan.map(({ step, action, evidence, confidence, before, after, choices, chosen, lost = [] }) => {
    const change = before !== undefined && after !== undefined ? dim(`  ${safe(before)} → ${safe(after)}`) : ''
    const told = settled({ confidence }) ? safe : (text: string) => safe(withFlags(text))
    return `${String(step).padStart(4)}  ${paint[confidence](confidence.padEnd(8))} ${told(action)}${change}\n${dim(`      ${told(evidence)}`)}\n${lost.map((line) => `      ${yellow('lost')}  ${safe(withFlags(line))}\n`).join('')}${offered(step, choices, chosen)}`
  })
  const lines = (list: typeof unmended) =>
    list.map(({ rule, subject, why }) => `  ${yellow(rule)}  ${safe(subject)}\n      ${safe(withFlags(why))}\n`)
  const rest = lines(unmended.filter(({ note }) => !note))
  const notes = lines(unmended.filter(({ note }) => note))
  const unread = deep ? '' : 'Not every value was read: --deep does, and finds NaN and damaged bytes.\n'
  const parts: string[] = []
  if (plan.length > 0) parts.push(`${bold(plural(plan.length, 'step'))}\n${steps.join('')}`)
  else
    parts.push(
      rest.length > 0 ? 'Nothing of what is wrong can be mended.\n' : `There is nothing to mend.\n${dim(unread)}`,
    )
  if (rest.length > 0) parts.push(`${bold('Not mended')}\n${rest.join('')}`)
  if (notes.length > 0) parts.push(`${bold('Not saved')}\n${notes.join('')}`)
  if (applied && out !== null) {
    parts.push(
      `Written to ${bold(safe(out))}: ${verdictBefore} → ${verdictAfter ?? '?'}; ${plural(compared, 'tensor')} compared with the original\n`,
    )
  } else if (plan.length > 0) parts.push(dryRun ? dim('Nothing was written (--dry-run).\n') : 'Nothing was written.\n')
  return parts.join('\n')
}

/** How to choose among the ways to do a step, where there are several and none is chosen yet. */
function offered(step: number, choices: PlanStep['choices'], chosen: string | undefined): string {
  if (!choices || chosen !== undefined) return ''
  return choices.map(({ id, action }) => `      --choose ${step}=${safe(id)}  ${safe(action)}\n`).join('')
}

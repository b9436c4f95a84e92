import type { Checkpoint } from '../../checkpoint/checkpoint'
import { fieldsOf, numberOf, type Plain } from '../../decode/plain'
import type { Anew } from './anew'
import type { Facts, Fields } from './facts'
import { jsonFile } from './file'
import { totalSteps } from './rates'

const PATH = 'trainer_state.json'

/**
 * trainer_state.json (transformers 5.18, trainer_callback.py `TrainerState`): the step as the other files count it, settings
 * and callbacks of another checkpoint of the run or of the Trainer's arguments, and of the logged history what the others hold.
 */
export function rebuildTrainer(facts: Facts): Anew[] {
  const { checkpoint, lost, step, args, others } = facts
  if (checkpoint.layout !== 'trainer' || !lost.has('trainer')) return []
  const states = others.flatMap((other) => {
    const state = stateOf(other)
    return state ? [{ state, name: other.name }] : []
  })
  const later = states.find(({ state }) => (numberOf(state.global_step) ?? 0) >= step)
  const latest = later ?? [...states].sort((a, b) => stepOf(b.state) - stepOf(a.state))[0]
  const model = latest?.state
  const total = totalSteps(facts)
  const share = model && stepOf(model) > 0 ? step / stepOf(model) : undefined
  const logged = historyUpTo(model?.log_history, step)
  const epoch = epochAt(step, model, logged)
  const best = model && (numberOf(model.best_global_step) ?? 0) <= step ? model : undefined
  const state = {
    best_global_step: best?.best_global_step ?? null,
    best_metric: best?.best_metric ?? null,
    best_model_checkpoint: best?.best_model_checkpoint ?? null,
    ...(epoch !== undefined && { epoch }),
    eval_steps: model?.eval_steps ?? args?.eval_steps ?? 500,
    global_step: step,
    is_hyper_param_search: false,
    is_local_process_zero: true,
    is_world_process_zero: true,
    log_history: logged,
    logging_steps: model?.logging_steps ?? args?.logging_steps ?? 500,
    max_steps: total ?? 0,
    num_input_tokens_seen: scaled(model?.num_input_tokens_seen, share),
    num_train_epochs: model?.num_train_epochs ?? Math.ceil(numberOf(args?.num_train_epochs) ?? 0),
    save_steps: model?.save_steps ?? args?.save_steps ?? 500,
    stateful_callbacks: goingOn(model?.stateful_callbacks),
    total_flos: scaled(model?.total_flos, share),
    train_batch_size: model?.train_batch_size ?? args?.per_device_train_batch_size ?? null,
    trial_name: null,
    trial_params: null,
  }
  const history = told(logged, step, latest?.name)
  const counted = checkpoint.state.counters.find(({ value }) => value === step)?.source ?? 'the other files'
  const evidence = `The step ${step} is that of ${counted}; ${history}`
  return [{ component: 'trainer', subject: PATH, evidence, files: [jsonFile(PATH, 'trainer', state)] }]
}

/** Callbacks as another checkpoint left them, but for the flags with which the last one of a run ends it. */
function goingOn(callbacks: Plain | undefined): Fields {
  const { TrainerControl, ...rest } = fieldsOf(callbacks) ?? {}
  const control = fieldsOf(TrainerControl)
  if (!control) return rest
  const args = { ...fieldsOf(control.args), should_training_stop: false, should_epoch_stop: false }
  return { ...rest, TrainerControl: { ...control, args } }
}

function stateOf({ state, rebuilt }: Checkpoint): Fields | undefined {
  if (rebuilt?.some(({ file }) => file === PATH)) return undefined
  return fieldsOf(state.records.find(({ file }) => file === PATH)?.value)
}

function stepOf(state: Fields): number {
  return numberOf(state.global_step) ?? 0
}

function historyUpTo(history: Plain | undefined, step: number): Plain[] {
  return (Array.isArray(history) ? history : []).filter((entry) => {
    const at = numberOf(fieldsOf(entry)?.step)
    return at !== undefined && at <= step
  })
}

/** As logged at this step, else in proportion: every epoch has as many steps. */
function epochAt(step: number, model: Fields | undefined, logged: readonly Plain[]): number | undefined {
  const last = logged.map(fieldsOf).findLast((entry) => numberOf(entry?.step) === step)
  const exact = numberOf(last?.epoch)
  if (exact !== undefined) return exact
  const [epoch, steps] = [numberOf(model?.epoch), numberOf(model?.global_step)]
  return epoch === undefined || !steps ? undefined : (epoch / steps) * step
}

function scaled(value: Plain | undefined, share: number | undefined): number {
  const number = numberOf(value)
  return number === undefined || share === undefined ? 0 : Math.round(number * share)
}

function told(logged: readonly Plain[], step: number, name: string | undefined): string {
  if (logged.length === 0) return 'what was logged before it is lost'
  const last = Math.max(...logged.map((entry) => numberOf(fieldsOf(entry)?.step) ?? 0))
  const gap = last < step ? `; what was logged after step ${last} is lost` : ''
  return `the history up to step ${last} is that of ${name}${gap}`
}

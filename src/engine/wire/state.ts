import type { Finding, History, ScanReport, TrainingState, Verification } from '../../contract/schemas'
import type * as model from '../../core/checkpoint/checkpoint'
import type { Plain } from '../../core/decode/plain'
import type * as core from '../../core/finding'
import type * as past from '../../core/history/history'
import type { Jump } from '../../core/history/jumps'
import type { Point } from '../../core/history/points'
import type { Redrawn } from '../../core/history/redraw'
import type * as scanned from '../../core/verify/scan'
import type * as verified from '../../core/verify/verify'
import { jsonNumber, jsonOf, wireFields } from './json'
import { wireOptimizer } from './optimizer'

export function wireVerification(
  checkpoint: Pick<model.Checkpoint, 'path' | 'layout' | 'layoutLabel'>,
  verification: verified.Verification,
): Verification {
  const { verdict, resume, components, findings, tensors, step, epoch, deep } = verification
  return {
    path: checkpoint.path,
    layout: checkpoint.layout,
    layoutLabel: checkpoint.layoutLabel,
    verdict,
    resume: { level: resume.level, why: [...resume.why] },
    components: components.map((component) => ({ ...component, files: [...component.files] })),
    findings: findings.map(wireFinding),
    tensors: { ...tensors },
    ...(step !== undefined && { step }),
    ...(epoch !== undefined && { epoch }),
    deep,
  }
}

export function wireFinding({ evidence, ...finding }: core.Finding): Finding {
  return { ...finding, ...(evidence && { evidence: wireFields(evidence as Record<string, Plain>) }) }
}

export function wireState(checkpoint: model.Checkpoint): TrainingState {
  const { step, epoch, worldSize, counters, optimizers, schedulers, rng, records } = checkpoint.state
  return {
    ...(step !== undefined && { step }),
    ...(epoch !== undefined && { epoch }),
    ...(worldSize !== undefined && { worldSize }),
    counters: counters.map((counter) => ({ ...counter })),
    optimizers: optimizers.map((optimizer) => wireOptimizer(checkpoint, optimizer)),
    schedulers: schedulers.map((scheduler) => ({
      file: scheduler.file,
      ...(scheduler.lastEpoch !== undefined && { lastEpoch: scheduler.lastEpoch }),
      lastLr: scheduler.lastLr.map(jsonNumber),
      baseLrs: scheduler.baseLrs.map(jsonNumber),
      value: jsonOf(scheduler.value),
    })),
    rng: rng.map((one) => ({ ...one, generators: [...one.generators] })),
    records: records.map(({ file, component, value }) => ({ file, component, value: jsonOf(value) })),
  }
}

export function wireHistory(history: past.History): History {
  const { loss, evalLoss, learningRate, metrics, lossUnit, schedule, scheduleNote, jumps, spikes, resumes, abandoned } =
    history
  return {
    loss: wirePoints(loss),
    evalLoss: wirePoints(evalLoss),
    learningRate: wirePoints(learningRate),
    metrics: Object.fromEntries(Object.entries(metrics).map(([name, points]) => [name, wirePoints(points)])),
    lossUnit,
    schedule: schedule && wireSchedule(schedule),
    ...(scheduleNote !== undefined && { scheduleNote }),
    jumps: jumps.map(wireJump),
    spikes: spikes.map(wireJump),
    resumes: [...resumes],
    abandoned: abandoned.map(({ series, source, points }) => ({ series, source, points: wirePoints(points) })),
  }
}

function wireJump({ series, step, from, to }: Jump): History['jumps'][number] {
  return { series, step, from: jsonNumber(from), to: jsonNumber(to) }
}

function wireSchedule({ kind, basis, points, projected, logged }: Redrawn): NonNullable<History['schedule']> {
  const { compared, differing, first } = logged
  return {
    kind,
    basis,
    points: wirePoints(points),
    projected: wirePoints(projected),
    logged: {
      compared,
      differing,
      first: first && { step: first.step, logged: jsonNumber(first.logged), redrawn: jsonNumber(first.redrawn) },
    },
  }
}

export function wireScan({ files }: scanned.ScanReport): ScanReport {
  return {
    files: files.map(({ path, verdict, globals, error }) => ({
      path,
      verdict,
      globals: globals.map(({ module, name, verdict }) => ({ module, name, verdict })),
      ...(error !== undefined && { error }),
    })),
  }
}

function wirePoints(points: readonly Point[]): History['loss'] {
  return points.map(({ step, value }) => ({ step, value: jsonNumber(value) }))
}

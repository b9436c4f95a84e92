import { z } from 'zod'

export const componentStatus = z.enum(['present', 'missing', 'damaged', 'not-applicable'])

export const component = z.object({
  id: z.string(),
  label: z.string(),
  status: componentStatus,
  files: z.array(z.string()),
  note: z.string().optional(),
})

export const severity = z.enum(['error', 'warning', 'info'])

export const finding = z.object({
  rule: z.string(),
  severity,
  subject: z.string(),
  message: z.string(),
  evidence: z.record(z.string(), z.unknown()).optional(),
  repair: z.string().optional(),
})

/** What a person should know of a rule; `severity` is that of its findings unless they say otherwise. */
export const ruleText = z.object({
  id: z.string(),
  severity,
  title: z.string(),
  means: z.string(),
  mends: z.string(),
  /** Where Assay does that itself, with what: a repair (with a reference), an export (to a dtype), a comparison, reading values. */
  by: z.enum(['repair', 'reference', 'export', 'dtype', 'diff', 'deep']).optional(),
})

/** Severities that the user gave to rules, by id. A rule that is `off` finds nothing, and what it looks for is not asked for. */
export const ruleChoices = z.record(z.string(), z.enum(['off', 'error', 'warning', 'info']))

export const verdict = z.enum(['complete', 'partial', 'broken'])

export const verification = z.object({
  path: z.string(),
  layout: z.string(),
  layoutLabel: z.string(),
  verdict,
  resume: z.object({ level: z.enum(['exact', 'stable', 'weights-only', 'none']), why: z.array(z.string()) }),
  components: z.array(component),
  findings: z.array(finding),
  tensors: z.object({ count: z.number(), bytes: z.number(), parameters: z.number() }),
  step: z.number().optional(),
  epoch: z.number().optional(),
  /** Whether values were read, or names and shapes only. */
  deep: z.boolean(),
})

export type RuleText = z.infer<typeof ruleText>
export type RuleChoices = z.infer<typeof ruleChoices>
export type Verification = z.infer<typeof verification>
export type Verdict = z.infer<typeof verdict>
export type Component = z.infer<typeof component>
export type Finding = z.infer<typeof finding>

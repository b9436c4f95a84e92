/** Exit statuses, the same for every command; what counts as a finding differs. */
export const STATUS = { good: 0, findings: 1, trouble: 2, interrupted: 130 } as const

export type Status = (typeof STATUS)[keyof typeof STATUS]

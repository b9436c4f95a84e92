/** How `assay verify` can tell what it found. */
export const FORMATS = ['text', 'json', 'sarif', 'junit', 'markdown', 'html'] as const

/** How `assay diff` can. */
export const DIFF_FORMATS = ['text', 'json', 'markdown', 'html', 'csv'] as const

export type DiffFormat = (typeof DIFF_FORMATS)[number]
export type Format = (typeof FORMATS)[number]

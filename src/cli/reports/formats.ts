/** How `assay verify` can tell what it found. */
export const FORMATS = ['text', 'json', 'sarif', 'junit', 'markdown', 'html'] as const

export type Format = (typeof FORMATS)[number]

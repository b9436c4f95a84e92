/**
 * The shapes that cross a process boundary or leave through `--json`. Scripts rely on them: extend, never break.
 * A number that JSON cannot hold is the text `NaN`, `Infinity` or `-Infinity`; null means that there is no value.
 */
export * from './diff'
export * from './export'
export * from './history'
export * from './pickle'
export * from './repair'
export * from './run'
export * from './tensor'
export * from './training'
export * from './values'
export * from './verification'

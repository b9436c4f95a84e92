export { globFilter } from '../core/checkpoint/glob'

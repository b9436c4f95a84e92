export { FITS_NOTHING, globFilter } from '../core/checkpoint/glob'

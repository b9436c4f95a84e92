// Numbers over blocks that lie in this module's memory. No allocation, no state: whoever calls knows where everything is.
export * from './cells'
export * from './checksum'
export * from './compare'
export * from './convert'
export * from './exponents'
export * from './statistics'
export * from './tally'

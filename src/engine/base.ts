import { implement } from '@orpc/server'
import { contract } from '../contract/contract'
import type { Engine } from './engine'
import { failureOf } from './failure'

/** What every procedure starts from: the contract, the engine that holds the face's checkpoints, errors as the contract has them. */
export const procedures = implement(contract)
  .$context<{ readonly engine: Engine }>()
  .use(async ({ next }) => {
    try {
      return await next()
    } catch (error) {
      throw failureOf(error)
    }
  })

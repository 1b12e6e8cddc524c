import { checkNoOptions } from '../../options/index.js'
import type { Balancing } from './balancer.js'

/** Creates a balancer that connects to the first endpoint that can be reached, and stays there until the connection is lost. */
export function pickFirst(options?: undefined): Balancing {
  checkNoOptions('pickFirst', options)
  return {
    name: 'pickFirst',
    connects: 'first',
    create: () => ({ pick: candidates => candidates[0]! }),
  }
}

import { withMethods } from '../../options/index.js'

const METHODS = [
  'now',
  'schedule',
  'afterMicrotasks',
  'afterTurn',
  'random',
  'connect',
  'listen',
  'lookup',
] as const

/** The option `runtime`: all that is not optional must be there, or the first call ends in the middle of things. */
export const checkRuntime: (name: string, value: unknown) => void = withMethods(
  METHODS,
  '; spread nodeRuntime and replace what is to differ',
)

import type { AnyFunction } from './chain-call.js'

/**
 * A method called `then`: whoever awaits the bound client, or gives it back from an async function, makes JavaScript call
 * it with two functions. That is no request: they hear so, where they would wait for ever.
 */
export function noThenable(call: AnyFunction): AnyFunction {
  return (request, options) => {
    if (typeof request !== 'function' || typeof options !== 'function')
      return call(request, options)
    const reject: (error: Error) => void = options
    const text =
      'the service has a method `then`, so that its bound client cannot be awaited, nor be given back by an async function: put it in an object'
    reject(new TypeError(text))
    return undefined
  }
}

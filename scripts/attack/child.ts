import { type ChildProcess, fork } from 'node:child_process'
import { join } from 'node:path'

/** A program of this folder in a process of its own. */
export function start(
  file: string,
  args: readonly string[],
  flags: readonly string[],
): ChildProcess {
  const env = { ...process.env }
  delete env['NODE_V8_COVERAGE']
  return fork(join(import.meta.dirname, file), args, { execArgv: [...flags], env })
}

/** The next message of a child. Rejects when it ends instead. */
export function answerOf<T>(child: ChildProcess): Promise<T> {
  return new Promise((resolve, reject) => {
    const onMessage = (message: unknown): void => {
      child.off('exit', onExit)
      resolve(message as T)
    }
    const onExit = (code: number | null, signal: string | null): void => {
      child.off('message', onMessage)
      reject(new Error(`the process ended with ${signal ?? code}`))
    }
    child.once('message', onMessage).once('exit', onExit)
  })
}

/** Sends an order and waits for the answer. Rejects when the child has ended. */
export function ask<T>(child: ChildProcess, order: object | string): Promise<T> {
  if (!child.connected) return Promise.reject(new Error('the process has ended'))
  const answer = answerOf<T>(child)
  child.send(order)
  return answer
}

/** Lets a child end by itself. Rejects when it ends otherwise than in good order. */
export function ended(child: ChildProcess, name: string): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('exit', (code, signal) => {
      if (code === 0) resolve()
      else reject(new Error(`${name} ended with ${signal ?? code}`))
    })
    child.disconnect()
  })
}
